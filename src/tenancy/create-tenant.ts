import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { mintKeyedToken } from '../platform/crypto/keyed-token.js';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { newUuid, PLATFORM_TENANT_ID, publicId } from '../platform/ids.js';
import { Acts } from './acts.js';
import { Directory, type Tenant } from './directory.js';
import { insertMember } from './members.repository.js';
import { MemberFactory, type NewMember } from './new-member.js';
import { ProvisionRole } from './provision-role.js';
import { insertServiceKey } from './service-keys.repository.js';
import { nameTaken } from './tenancy.errors.js';

export interface CreateTenantInput {
  readonly namespace: string;
  readonly name: string;
  readonly ownerEmail: string;
}

export interface CreatedTenant {
  readonly tenant: Tenant;
  readonly owner: NewMember;
  readonly serviceKey: { readonly id: string; readonly key: string };
}

/**
 * A tenant: its PostgreSQL login, its chain, its first owner and service key. The directory row comes last, with the
 * entry in the platform chain: until then nobody can reach what was made, and a crash leaves only an unreachable id.
 */
@Injectable()
export class CreateTenant {
  constructor(
    private readonly directory: Directory,
    private readonly database: TenantDatabase,
    private readonly roles: ProvisionRole,
    private readonly factory: MemberFactory,
    private readonly secret: PlatformSecret,
    private readonly acts: Acts,
    private readonly clock: Clock,
  ) {}

  async execute(actor: string, input: CreateTenantInput): Promise<CreatedTenant> {
    if ((await this.directory.find(input.namespace)) !== null) throw nameTaken('namespace');
    const nowMs = this.clock.now();
    const tenant = { id: newUuid(), namespace: input.namespace, name: input.name, createdAt: new Date(nowMs) };
    const owner = await this.factory.make(tenant.id, input.ownerEmail, 'owner', nowMs);
    await this.roles.execute(tenant.id);
    const serviceKey = await this.#furnish(actor, tenant, owner);
    await this.acts.run(PLATFORM_TENANT_ID, async ({ chain }) => {
      const details = { tenant: publicId('ten', tenant.id), namespace: tenant.namespace };
      await chain.append({ actor, action: 'tenant.create', outcome: 'success', details });
      await this.directory.add(tenant);
    });
    return { tenant, owner, serviceKey };
  }

  /** The tenant's own side: chain, owner, key, and the entry that begins it. */
  async #furnish(actor: string, tenant: Tenant, owner: NewMember): Promise<{ id: string; key: string }> {
    const id = newUuid();
    const macKey = this.secret.derive('api-key-mac');
    const { token, secretHash } = mintKeyedToken({ kind: 'sk', tenantId: tenant.id, id, macKey });
    await this.database.inTenant(tenant.id, (tx) => this.acts.begin(tx));
    await this.acts.run(tenant.id, async ({ tx, chain }) => {
      await insertMember(tx, owner.row);
      await insertServiceKey(tx, { id, name: 'first', role: 'admin', secretHash, createdAt: tenant.createdAt });
      const details = { owner: publicId('mem', owner.row.id), service_key: publicId('key', id) };
      await chain.append({ actor, action: 'tenant.create', outcome: 'success', details });
    });
    return { id, key: token };
  }
}
