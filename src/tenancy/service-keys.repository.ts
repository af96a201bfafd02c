import { and, asc, eq, gt, isNull } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { serviceKeys } from './service-keys.table.js';

export type ServiceKeyRow = typeof serviceKeys.$inferSelect;

export async function insertServiceKey(
  tx: TenantTx,
  row: Omit<typeof serviceKeys.$inferInsert, 'tenantId'>,
): Promise<void> {
  await tx.db.insert(serviceKeys).values({ ...row, tenantId: tx.tenantId });
}

export async function findServiceKey(tx: TenantTx, id: string): Promise<ServiceKeyRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(serviceKeys)
    .where(and(eq(serviceKeys.tenantId, tx.tenantId), eq(serviceKeys.id, id), isNull(serviceKeys.revokedAt)));
  return row;
}

export async function listServiceKeys(
  tx: TenantTx,
  afterId: string | undefined,
  limit: number,
): Promise<ServiceKeyRow[]> {
  const after = afterId === undefined ? undefined : gt(serviceKeys.id, afterId);
  return tx.db
    .select()
    .from(serviceKeys)
    .where(and(eq(serviceKeys.tenantId, tx.tenantId), isNull(serviceKeys.revokedAt), after))
    .orderBy(asc(serviceKeys.id))
    .limit(limit);
}

export async function revokeServiceKey(tx: TenantTx, id: string, at: Date): Promise<void> {
  await tx.db
    .update(serviceKeys)
    .set({ revokedAt: at })
    .where(and(eq(serviceKeys.tenantId, tx.tenantId), eq(serviceKeys.id, id)));
}
