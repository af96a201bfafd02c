import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { mintKeyedToken } from '../platform/crypto/keyed-token.js';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { notFound } from '../platform/http/http.errors.js';
import { newUuid, publicId } from '../platform/ids.js';
import { Acts } from './acts.js';
import { actorOf, type KeyRole, type Principal } from './principal.js';
import {
  findServiceKey,
  insertServiceKey,
  listServiceKeys,
  revokeServiceKey,
  type ServiceKeyRow,
} from './service-keys.repository.js';

/** The keys a tenant's own services use. Stored is a hash; the key is shown once. */
@Injectable()
export class ServiceKeys {
  constructor(
    private readonly database: TenantDatabase,
    private readonly secret: PlatformSecret,
    private readonly acts: Acts,
    private readonly clock: Clock,
  ) {}

  list(tenantId: string, afterId: string | undefined, limit: number): Promise<ServiceKeyRow[]> {
    return this.database.inTenant(tenantId, (tx) => listServiceKeys(tx, afterId, limit), { readOnly: true });
  }

  async create(
    principal: Pick<Principal, 'tenantId'> & { readonly actor: string },
    name: string,
    role: KeyRole,
  ): Promise<{ id: string; key: string; createdAt: Date }> {
    const id = newUuid();
    const macKey = this.secret.derive('api-key-mac');
    const { token, secretHash } = mintKeyedToken({ kind: 'sk', tenantId: principal.tenantId, id, macKey });
    const createdAt = new Date(this.clock.now());
    await this.acts.run(principal.tenantId, async ({ tx, chain }) => {
      await insertServiceKey(tx, { id, name, role, secretHash, createdAt });
      const details = { service_key: publicId('key', id), role };
      await chain.append({ actor: principal.actor, action: 'service_key.create', outcome: 'success', details });
    });
    return { id, key: token, createdAt };
  }

  async revoke(principal: Principal, id: string): Promise<void> {
    await this.acts.run(
      principal.tenantId,
      async ({ tx, chain, nowMs }) => {
        if ((await findServiceKey(tx, id)) === undefined) throw notFound();
        await revokeServiceKey(tx, id, new Date(nowMs));
        const details = { service_key: publicId('key', id) };
        await chain.append({ actor: actorOf(principal), action: 'service_key.revoke', outcome: 'success', details });
      },
      'control',
    );
  }
}
