import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { pruneOutbox } from '../platform/queue/outbox.js';
import { pruneDeliveries } from './deliveries.repository.js';

const DELIVERIES_KEPT_MS = 30 * 24 * 3_600_000;
const JOBS_KEPT_MS = 24 * 3_600_000;

/** Forgets what ended long ago. A job calls it for each tenant. */
@Injectable()
export class PruneDeliveries {
  constructor(
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
  ) {}

  async execute(tenantId: string): Promise<void> {
    const nowMs = this.clock.now();
    await this.database.inTenant(tenantId, async (tx) => {
      await pruneDeliveries(tx, new Date(nowMs - DELIVERIES_KEPT_MS));
      await pruneOutbox(tx, new Date(nowMs - JOBS_KEPT_MS));
    });
  }
}
