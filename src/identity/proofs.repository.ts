import { and, eq, lt } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { dpopJtis } from './agents.table.js';

/** True once per proof, in every process: the second insert finds the first. */
export async function spendProofId(tx: TenantTx, proofId: string, at: Date): Promise<boolean> {
  const spent = await tx.db
    .insert(dpopJtis)
    .values({ tenantId: tx.tenantId, jtiHash: Buffer.from(proofId, 'hex'), seenAt: at })
    .onConflictDoNothing()
    .returning({ seenAt: dpopJtis.seenAt });
  return spent.length === 1;
}

/** Returns how many went. */
export async function deleteProofsBefore(tx: TenantTx, before: Date): Promise<number> {
  const { rowCount } = await tx.db
    .delete(dpopJtis)
    .where(and(eq(dpopJtis.tenantId, tx.tenantId), lt(dpopJtis.seenAt, before)));
  return rowCount ?? 0;
}
