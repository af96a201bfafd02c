import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { matchTotpStep } from '../platform/crypto/totp.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { Acts } from './acts.js';
import { AttemptLimiter } from './attempt-limiter.js';
import { FACTOR_FRESH_MS } from './log-in.js';
import { endMemberSession, findMember, renewFactor, spendTotpStep } from './members.repository.js';
import { MemberFactory } from './new-member.js';
import { actorOf, type MemberPrincipal } from './principal.js';
import { loginFailed, tooManyAttempts } from './tenancy.errors.js';

/** What a signed-in person does with the session: show the factor again, and leave. */
@Injectable()
export class MemberSession {
  readonly #attempts: AttemptLimiter;

  constructor(
    private readonly database: TenantDatabase,
    private readonly factory: MemberFactory,
    private readonly acts: Acts,
    private readonly clock: Clock,
  ) {
    this.#attempts = new AttemptLimiter(() => clock.now());
  }

  /** Returns until when human acts are open again. */
  async showFactor(principal: MemberPrincipal, code: string): Promise<Date> {
    const wait = this.#attempts.waitSeconds(principal.id);
    if (wait > 0) throw tooManyAttempts(wait);
    const nowMs = this.clock.now();
    const shown = await this.database.inTenant(principal.tenantId, async (tx) => {
      const member = await findMember(tx, principal.id);
      if (member === undefined) return false;
      const secret = this.factory.totpOf(principal.tenantId, member.id, member.totpSecret);
      const step = matchTotpStep({ secret, code, now: new Date(nowMs) });
      secret.zero();
      if (step === null || !(await spendTotpStep(tx, member.id, step))) return false;
      await renewFactor(tx, principal.sessionId, new Date(nowMs));
      return true;
    });
    if (!shown) {
      this.#attempts.failed(principal.id);
      throw loginFailed();
    }
    this.#attempts.succeeded(principal.id);
    return new Date(nowMs + FACTOR_FRESH_MS);
  }

  async leave(principal: MemberPrincipal): Promise<void> {
    await this.acts.run(principal.tenantId, async ({ tx, chain, nowMs }) => {
      await endMemberSession(tx, principal.sessionId, new Date(nowMs));
      await chain.append({ actor: actorOf(principal), action: 'member.logout', outcome: 'success', details: {} });
    });
  }
}
