import { and, eq, isNull } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import type { ActiveBrake } from './brake.js';
import { brakes } from './brakes.table.js';

/** What decisions read: the brakes that are on. */
export async function activeBrakes(tx: TenantTx): Promise<ActiveBrake[]> {
  return tx.db
    .select({ id: brakes.id, scope: brakes.scope, agentId: brakes.agentId, credentialId: brakes.credentialId })
    .from(brakes)
    .where(and(eq(brakes.tenantId, tx.tenantId), isNull(brakes.clearedAt)));
}
