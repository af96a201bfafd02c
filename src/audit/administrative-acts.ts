import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { Acts, type Act } from '../tenancy/acts.js';
import { insertHead } from './audit.repository.js';
import { genesis } from './chain.js';
import { LockedChain } from './locked-chain.js';

/** Administrative acts on the real chain (design 7): no act without its entry, no entry for what did not happen. */
@Injectable()
export class AdministrativeActs extends Acts {
  constructor(
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
  ) {
    super();
  }

  override run<T>(
    tenantId: string,
    work: (act: Act) => Promise<T>,
    lane: 'general' | 'control' = 'general',
  ): Promise<T> {
    return this.database.inTenant(
      tenantId,
      async (tx) => {
        const nowMs = this.clock.now();
        return work({ tx, chain: await LockedChain.lock(tx, nowMs), nowMs });
      },
      { lane },
    );
  }

  override begin(tx: TenantTx): Promise<void> {
    return insertHead(tx, genesis(tx.tenantId));
  }
}
