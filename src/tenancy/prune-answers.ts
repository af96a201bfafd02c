import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';

/** Forgets answers to an Idempotency-Key that are older than they are kept. A job calls it for each tenant. */
@Injectable()
export class PruneAnswers {
  constructor(
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
  ) {}

  async execute(tenantId: string): Promise<void> {
    const now = new Date(this.clock.now());
    await this.database.inTenant(tenantId, (tx) => tx.client.query('select delete_answers($1, null, null)', [now]));
  }
}
