import { randomInt } from 'node:crypto';
import { PasswordHasher } from '../platform/crypto/password-hash.js';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';
import { Secret } from '../platform/crypto/secret.js';
import { newTotpSecret, otpauthUri } from '../platform/crypto/totp.js';
import { aad, unwrap, wrap } from '../platform/crypto/wrap.js';
import { newUuid } from '../platform/ids.js';
import { Injectable } from '@nestjs/common';
import type { MemberRole } from './principal.js';

/** Crockford's alphabet: no letters that look alike. 24 of them carry 120 bits. */
const PASSWORD_ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const PASSWORD_LENGTH = 24;
const ISSUER = 'Chancery';

export interface NewMember {
  readonly row: {
    readonly id: string;
    readonly email: string;
    readonly role: MemberRole;
    readonly passwordHash: string;
    readonly totpSecret: Buffer;
    readonly createdAt: Date;
  };
  /** Shown once. */
  readonly password: string;
  /** What an authenticator app scans; shown once. */
  readonly otpauthUri: string;
}

/** Makes people: a generated password and a TOTP secret, both shown once and stored hashed and wrapped. */
@Injectable()
export class MemberFactory {
  readonly #wrapKey: Secret;

  constructor(
    private readonly hasher: PasswordHasher,
    secret: PlatformSecret,
  ) {
    this.#wrapKey = new Secret(secret.derive('totp-wrap'));
  }

  async make(tenantId: string, email: string, role: MemberRole, nowMs: number): Promise<NewMember> {
    const id = newUuid();
    const password = Array.from({ length: PASSWORD_LENGTH }, () => PASSWORD_ALPHABET[randomInt(32)]).join('');
    const totp = newTotpSecret();
    const row = {
      id,
      email,
      role,
      passwordHash: await this.hasher.hash(Secret.fromUtf8(password)),
      totpSecret: wrap(this.#wrapKey, totp, boundTo(tenantId, id)),
      createdAt: new Date(nowMs),
    };
    return { row, password, otpauthUri: otpauthUri({ secret: totp, issuer: ISSUER, account: email }) };
  }

  /** The member's TOTP secret, for checking a code. */
  totpOf(tenantId: string, memberId: string, wrapped: Buffer): Secret {
    return unwrap(this.#wrapKey, wrapped, boundTo(tenantId, memberId));
  }
}

function boundTo(tenantId: string, memberId: string): Buffer {
  return aad(['chancery/totp/v1', tenantId, memberId]);
}
