import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.js';
import { TenantDatabase } from '../../platform/database/tenant-database.js';
import { publicId } from '../../platform/ids.js';
import { Acts } from '../../tenancy/acts.js';
import { expireApprovals, overdueApprovals } from './approvals.repository.js';

const IN_ONE_ACT_MAX = 100;

/** Writes down what time has decided. A job calls it; decisions look at the time themselves. */
@Injectable()
export class ExpireApprovals {
  constructor(
    private readonly database: TenantDatabase,
    private readonly acts: Acts,
    private readonly clock: Clock,
  ) {}

  /** Returns how many were marked. */
  async execute(tenantId: string): Promise<number> {
    const now = new Date(this.clock.now());
    const due = await this.database.inTenant(tenantId, (tx) => overdueApprovals(tx, now, 1), { readOnly: true });
    // The head's lock and a new epoch only when there is something to do.
    if (due.length === 0) return 0;
    return this.acts.run(tenantId, async ({ tx, chain, nowMs }) => {
      const overdue = await overdueApprovals(tx, new Date(nowMs), IN_ONE_ACT_MAX);
      if (overdue.length === 0) return 0;
      await expireApprovals(
        tx,
        overdue.map(({ id }) => id),
      );
      for (const { id, kind, agentId, state } of overdue) {
        const details = { approval: publicId('apr', id), kind, agent: publicId('agt', agentId), was: state };
        await chain.append({ actor: 'system:sweep', action: 'approval.expired', outcome: 'success', details });
      }
      return overdue.length;
    });
  }
}
