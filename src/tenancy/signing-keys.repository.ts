import { and, desc, eq, gt, or } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { signingKeys } from './signing-keys.table.js';

export type SigningKeyRow = typeof signingKeys.$inferSelect;
export type KeyPurpose = SigningKeyRow['purpose'];

export async function insertSigningKey(
  tx: TenantTx,
  row: Omit<typeof signingKeys.$inferInsert, 'tenantId'>,
): Promise<void> {
  await tx.db.insert(signingKeys).values({ ...row, tenantId: tx.tenantId });
}

/** The active key, and the retired ones that still verify, newest first. */
export async function listLiveSigningKeys(tx: TenantTx, purpose: KeyPurpose, now: Date): Promise<SigningKeyRow[]> {
  const live = or(eq(signingKeys.active, true), gt(signingKeys.retiresAt, now));
  return tx.db
    .select()
    .from(signingKeys)
    .where(and(eq(signingKeys.tenantId, tx.tenantId), eq(signingKeys.purpose, purpose), live))
    .orderBy(desc(signingKeys.createdAt), desc(signingKeys.kid));
}

/** Every key there ever was, newest first: what a retired one signed in its time stays signed. */
export async function listSigningKeys(tx: TenantTx, purpose: KeyPurpose): Promise<SigningKeyRow[]> {
  return tx.db
    .select()
    .from(signingKeys)
    .where(and(eq(signingKeys.tenantId, tx.tenantId), eq(signingKeys.purpose, purpose)))
    .orderBy(desc(signingKeys.createdAt), desc(signingKeys.kid));
}

/** The active key signs no more; until `retiresAt` it still verifies. Returns the kids concerned. */
export async function retireSigningKeys(tx: TenantTx, purpose: KeyPurpose, retiresAt: Date): Promise<string[]> {
  const retired = await tx.db
    .update(signingKeys)
    .set({ active: false, retiresAt })
    .where(and(eq(signingKeys.tenantId, tx.tenantId), eq(signingKeys.purpose, purpose), eq(signingKeys.active, true)))
    .returning({ kid: signingKeys.kid });
  return retired.map(({ kid }) => kid);
}
