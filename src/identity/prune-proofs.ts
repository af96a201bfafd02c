import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { deleteProofsBefore } from './proofs.repository.js';

/** Longer than a proof stays acceptable (`iat` ± 60 s), and than two nodes' clocks may be apart on top. */
export const PROOF_KEPT_MS = 5 * 60_000;

/** Forgets proof ids that no proof could repeat any more. A job calls it for each tenant. */
@Injectable()
export class PruneProofs {
  constructor(
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
  ) {}

  execute(tenantId: string): Promise<number> {
    const before = new Date(this.clock.now() - PROOF_KEPT_MS);
    return this.database.inTenant(tenantId, (tx) => deleteProofsBefore(tx, before));
  }
}
