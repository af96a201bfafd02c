import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { mintKeyedToken } from '../platform/crypto/keyed-token.js';
import { PasswordHasher } from '../platform/crypto/password-hash.js';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';
import { Secret } from '../platform/crypto/secret.js';
import { matchTotpStep } from '../platform/crypto/totp.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { newUuid } from '../platform/ids.js';
import { Acts } from './acts.js';
import { AttemptLimiter } from './attempt-limiter.js';
import { Directory, type Tenant } from './directory.js';
import { findMemberByEmail, insertMemberSession, type MemberRow, spendTotpStep } from './members.repository.js';
import { MemberFactory } from './new-member.js';
import { actorOf } from './principal.js';
import { loginFailed, tooManyAttempts } from './tenancy.errors.js';

export const MEMBER_SESSION_MS = 12 * 60 * 60_000;
export const FACTOR_FRESH_MS = 5 * 60_000;

export interface LoginInput {
  readonly tenant: string;
  readonly email: string;
  readonly password: string;
  readonly totp: string;
}

export interface SignedIn {
  readonly token: string;
  readonly member: MemberRow;
  readonly tenant: Tenant;
  readonly expiresAt: Date;
  readonly factorExpiresAt: Date;
}

/** Signs a person in: tenant, e-mail, password and a code that was never used. Whatever is wrong, the answer is the same. */
@Injectable()
export class LogIn {
  readonly #attempts: AttemptLimiter;

  constructor(
    private readonly directory: Directory,
    private readonly database: TenantDatabase,
    private readonly hasher: PasswordHasher,
    private readonly factory: MemberFactory,
    private readonly secret: PlatformSecret,
    private readonly acts: Acts,
    private readonly clock: Clock,
  ) {
    this.#attempts = new AttemptLimiter(() => clock.now());
  }

  async execute(input: LoginInput, mayEnter: (tenant: Tenant) => boolean): Promise<SignedIn> {
    const key = `${input.tenant}\n${input.email}`;
    const wait = this.#attempts.waitSeconds(key);
    if (wait > 0) throw tooManyAttempts(wait);
    const found = await this.#find(input, mayEnter);
    const passes = await this.hasher.verify(found?.member.passwordHash ?? null, Secret.fromUtf8(input.password));
    const step = found === null || !passes ? null : this.#matchedStep(found.tenant.id, found.member, input.totp);
    const signedIn = found === null || step === null ? null : await this.#enter(found.tenant, found.member, step);
    if (signedIn === null) {
      this.#attempts.failed(key);
      throw loginFailed();
    }
    this.#attempts.succeeded(key);
    return signedIn;
  }

  async #find(input: LoginInput, mayEnter: (tenant: Tenant) => boolean) {
    const tenant = await this.directory.find(input.tenant);
    if (tenant === null || !mayEnter(tenant)) return null;
    const member = await this.database.inTenant(tenant.id, (tx) => findMemberByEmail(tx, input.email), {
      readOnly: true,
    });
    return member === undefined ? null : { tenant, member };
  }

  #matchedStep(tenantId: string, member: MemberRow, code: string): number | null {
    const secret = this.factory.totpOf(tenantId, member.id, member.totpSecret);
    try {
      return matchTotpStep({ secret, code, now: new Date(this.clock.now()) });
    } finally {
      secret.zero();
    }
  }

  #enter(tenant: Tenant, member: MemberRow, step: number): Promise<SignedIn | null> {
    return this.acts.run(tenant.id, async ({ tx, chain, nowMs }) => {
      if (!(await spendTotpStep(tx, member.id, step))) return null;
      const id = newUuid();
      const macKey = this.secret.derive('api-key-mac');
      const { token, secretHash } = mintKeyedToken({ kind: 'ms', tenantId: tenant.id, id, macKey });
      const now = new Date(nowMs);
      const expiresAt = new Date(nowMs + MEMBER_SESSION_MS);
      await insertMemberSession(tx, { id, memberId: member.id, secretHash, createdAt: now, expiresAt, factorAt: now });
      const principal = { kind: 'member', tenantId: tenant.id, id: member.id, role: member.role } as const;
      const actor = actorOf({ ...principal, name: member.email, sessionId: id, factorAtMs: nowMs });
      await chain.append({ actor, action: 'member.login', outcome: 'success', details: {} });
      return { token, member, tenant, expiresAt, factorExpiresAt: new Date(nowMs + FACTOR_FRESH_MS) };
    });
  }
}
