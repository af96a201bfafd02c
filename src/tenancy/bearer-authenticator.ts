import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { constantTimeEqual, type KeyedToken, readKeyedToken } from '../platform/crypto/keyed-token.js';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';
import { TenantDatabase, type TransactionOptions } from '../platform/database/tenant-database.js';
import { findMemberSession } from './members.repository.js';
import type { Principal } from './principal.js';
import { findServiceKey } from './service-keys.repository.js';

/** Turns a service key or a member's session into a principal. A forged one fails its MAC and opens no connection. */
@Injectable()
export class BearerAuthenticator {
  readonly #macKey: Buffer;

  constructor(
    secret: PlatformSecret,
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
  ) {
    this.#macKey = secret.derive('api-key-mac');
  }

  async authenticate(token: string, lane: 'control' | 'general' = 'general'): Promise<Principal | null> {
    const read = readKeyedToken(token, this.#macKey);
    if (read === null) return null;
    if (read.kind === 'sk') return this.#serviceKey(read, { readOnly: true, lane });
    if (read.kind === 'ms') return this.#memberSession(read, { readOnly: true, lane });
    return null;
  }

  async #serviceKey(read: KeyedToken, how: TransactionOptions): Promise<Principal | null> {
    const row = await this.database.inTenant(read.tenantId, (tx) => findServiceKey(tx, read.id), how);
    if (row === undefined || !constantTimeEqual(row.secretHash, read.secretHash)) return null;
    return { kind: 'service_key', tenantId: read.tenantId, id: row.id, role: row.role, name: row.name };
  }

  async #memberSession(read: KeyedToken, how: TransactionOptions): Promise<Principal | null> {
    const row = await this.database.inTenant(read.tenantId, (tx) => findMemberSession(tx, read.id), how);
    if (row === undefined || !constantTimeEqual(row.session.secretHash, read.secretHash)) return null;
    if (row.session.expiresAt.getTime() <= this.clock.now()) return null;
    return {
      kind: 'member',
      tenantId: read.tenantId,
      id: row.member.id,
      role: row.member.role,
      name: row.member.email,
      sessionId: row.session.id,
      factorAtMs: row.session.factorAt.getTime(),
    };
  }
}
