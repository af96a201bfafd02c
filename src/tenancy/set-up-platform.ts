import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { PLATFORM_TENANT_ID, publicId } from '../platform/ids.js';
import { Acts } from './acts.js';
import { Directory } from './directory.js';
import { countOwners, insertMember } from './members.repository.js';
import { MemberFactory, type NewMember } from './new-member.js';
import { ProvisionRole } from './provision-role.js';

const SETUP_ACTOR = 'system:setup';

/** The operator's own tenant and its first member of staff. Safe to repeat: what is there stays. */
@Injectable()
export class SetUpPlatform {
  constructor(
    private readonly directory: Directory,
    private readonly database: TenantDatabase,
    private readonly roles: ProvisionRole,
    private readonly factory: MemberFactory,
    private readonly acts: Acts,
    private readonly clock: Clock,
  ) {}

  async execute(): Promise<void> {
    await this.roles.execute(PLATFORM_TENANT_ID);
    if ((await this.directory.byId(PLATFORM_TENANT_ID)) !== null) return;
    await this.database.inTenant(PLATFORM_TENANT_ID, (tx) => this.acts.begin(tx));
    const platform = { id: PLATFORM_TENANT_ID, namespace: 'platform', name: 'The operator' };
    await this.directory.add({ ...platform, createdAt: new Date(this.clock.now()) });
  }

  /** The first member of staff, who lets everybody else in. Null when there is one already. */
  async firstStaff(email: string): Promise<NewMember | null> {
    const staff = await this.factory.make(PLATFORM_TENANT_ID, email, 'owner', this.clock.now());
    return this.acts.run(PLATFORM_TENANT_ID, async ({ tx, chain }) => {
      if ((await countOwners(tx)) > 0) return null;
      await insertMember(tx, staff.row);
      const details = { member: publicId('mem', staff.row.id), role: 'owner' };
      await chain.append({ actor: SETUP_ACTOR, action: 'member.add', outcome: 'success', details });
      return staff;
    });
  }
}
