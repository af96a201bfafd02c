import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { hasExpiredVersions, retireExpiredVersions } from './credentials.repository.js';

/** Takes the value from versions whose grace is over. A job calls it; decisions look at the time themselves. */
@Injectable()
export class RetireVersions {
  constructor(
    private readonly database: TenantDatabase,
    private readonly acts: Acts,
    private readonly clock: Clock,
  ) {}

  async execute(tenantId: string): Promise<number> {
    const due = await this.database.inTenant(tenantId, (tx) => hasExpiredVersions(tx, new Date(this.clock.now())));
    // The head's lock and a new epoch only when there is something to do.
    if (!due) return 0;
    return this.acts.run(tenantId, async ({ tx, chain, nowMs }) => {
      const retired = await retireExpiredVersions(tx, new Date(nowMs));
      for (const { credentialId, version } of retired) {
        const details = { credential: publicId('crd', credentialId), version };
        await chain.append({ actor: 'system:sweep', action: 'credential.retire', outcome: 'success', details });
      }
      return retired.length;
    });
  }
}
