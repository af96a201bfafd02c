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

/** Returns how many went. A function deletes: the right to DELETE would let a tenant lock the table against the others. */
export async function deleteProofsBefore(tx: TenantTx, before: Date): Promise<number> {
  const { rows } = await tx.client.query<{ gone: string }>('select delete_proofs($1) as gone', [before]);
  return Number(rows[0]?.gone);
}
