import { and, asc, eq, gt, isNull } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import type { ActiveBrake } from './brake.js';
import { brakes } from './brakes.table.js';

export type BrakeRow = typeof brakes.$inferSelect;
export type NewBrake = Omit<typeof brakes.$inferInsert, 'tenantId' | 'clearedAt' | 'clearedBy' | 'clearReason'>;

export async function insertBrake(tx: TenantTx, row: NewBrake): Promise<BrakeRow> {
  const [stored] = await tx.db
    .insert(brakes)
    .values({ ...row, tenantId: tx.tenantId })
    .returning();
  return stored as BrakeRow;
}

export async function findBrake(tx: TenantTx, id: string): Promise<BrakeRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(brakes)
    .where(and(eq(brakes.tenantId, tx.tenantId), eq(brakes.id, id)));
  return row;
}

/** The brake that is on for exactly this target. */
export async function findActive(tx: TenantTx, target: Omit<ActiveBrake, 'id'>): Promise<BrakeRow | undefined> {
  const agent = target.agentId === null ? isNull(brakes.agentId) : eq(brakes.agentId, target.agentId);
  const credential =
    target.credentialId === null ? isNull(brakes.credentialId) : eq(brakes.credentialId, target.credentialId);
  const [row] = await tx.db
    .select()
    .from(brakes)
    .where(
      and(
        eq(brakes.tenantId, tx.tenantId),
        eq(brakes.scope, target.scope),
        agent,
        credential,
        isNull(brakes.clearedAt),
      ),
    );
  return row;
}

export async function listBrakes(
  tx: TenantTx,
  activeOnly: boolean,
  afterId: string | undefined,
  limit: number,
): Promise<BrakeRow[]> {
  return tx.db
    .select()
    .from(brakes)
    .where(
      and(
        eq(brakes.tenantId, tx.tenantId),
        activeOnly ? isNull(brakes.clearedAt) : undefined,
        afterId === undefined ? undefined : gt(brakes.id, afterId),
      ),
    )
    .orderBy(asc(brakes.id))
    .limit(limit);
}

export async function clearBrake(
  tx: TenantTx,
  id: string,
  cleared: { at: Date; by: string; reason: string },
): Promise<BrakeRow> {
  const [row] = await tx.db
    .update(brakes)
    .set({ clearedAt: cleared.at, clearedBy: cleared.by, clearReason: cleared.reason })
    .where(and(eq(brakes.tenantId, tx.tenantId), eq(brakes.id, id)))
    .returning();
  return row as BrakeRow;
}
