import { and, desc, eq, lt } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import type { DeliveryState } from './delivery.js';
import { webhookDeliveries } from './webhooks.table.js';

export type DeliveryRow = typeof webhookDeliveries.$inferSelect;
export type NewDelivery = Pick<
  DeliveryRow,
  'id' | 'webhookId' | 'eventId' | 'eventType' | 'seq' | 'state' | 'createdAt'
>;

/** One for each endpoint and event: what was there already stays as it is and is not returned. */
export async function insertDeliveries(tx: TenantTx, rows: readonly NewDelivery[]): Promise<DeliveryRow[]> {
  if (rows.length === 0) return [];
  const values = rows.map((row) => ({
    ...row,
    tenantId: tx.tenantId,
    log: [],
    nextAttemptAt: row.state === 'pending' ? row.createdAt : null,
    finishedAt: row.state === 'pending' ? null : row.createdAt,
  }));
  return tx.db.insert(webhookDeliveries).values(values).onConflictDoNothing().returning();
}

export async function findDelivery(tx: TenantTx, id: string): Promise<DeliveryRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(webhookDeliveries)
    .where(and(eq(webhookDeliveries.tenantId, tx.tenantId), eq(webhookDeliveries.id, id)));
  return row;
}

/** Newest first. */
export async function listDeliveries(
  tx: TenantTx,
  webhookId: string,
  page: { readonly state?: DeliveryState | undefined; readonly beforeId?: string | undefined; readonly limit: number },
): Promise<DeliveryRow[]> {
  return tx.db
    .select()
    .from(webhookDeliveries)
    .where(
      and(
        eq(webhookDeliveries.tenantId, tx.tenantId),
        eq(webhookDeliveries.webhookId, webhookId),
        page.state === undefined ? undefined : eq(webhookDeliveries.state, page.state),
        page.beforeId === undefined ? undefined : lt(webhookDeliveries.id, page.beforeId),
      ),
    )
    .orderBy(desc(webhookDeliveries.id))
    .limit(page.limit);
}

/** How many are under way to an endpoint; counting ends at `max`. */
export async function countPending(tx: TenantTx, webhookId: string, max: number): Promise<number> {
  const { rows } = await tx.client.query<{ count: number }>(
    `select count(*)::int as count from (
       select from webhook_deliveries where tenant_id = $1 and webhook_id = $2 and state = 'pending' limit $3) pending`,
    [tx.tenantId, webhookId, max],
  );
  return rows[0]?.count ?? 0;
}

export async function changeDelivery(
  tx: TenantTx,
  id: string,
  change: Partial<Pick<DeliveryRow, 'state' | 'attempts' | 'nextAttemptAt' | 'log' | 'finishedAt'>>,
): Promise<DeliveryRow> {
  const [row] = await tx.db
    .update(webhookDeliveries)
    .set(change)
    .where(and(eq(webhookDeliveries.tenantId, tx.tenantId), eq(webhookDeliveries.id, id)))
    .returning();
  return row as DeliveryRow;
}

/** Makes what ended since then pending again, oldest first. Returns the ids, and when the last was made. */
export async function reopenDeliveries(
  tx: TenantTx,
  webhookId: string,
  which: {
    readonly since: Date;
    readonly states: readonly DeliveryState[];
    readonly now: Date;
    readonly limit: number;
  },
): Promise<{ ids: string[]; last: Date | null }> {
  const { rows } = await tx.client.query<{ id: string; created_at: Date }>(
    `update webhook_deliveries set state = 'pending', attempts = 0, next_attempt_at = $5, finished_at = null
     where tenant_id = $1 and id in (
       select id from webhook_deliveries
       where tenant_id = $1 and webhook_id = $2 and created_at >= $3 and state = any($4::text[]) order by id limit $6)
     returning id, created_at`,
    [tx.tenantId, webhookId, which.since, which.states, which.now, which.limit],
  );
  const last = rows.reduce<Date | null>(
    (latest, { created_at: at }) => (latest === null || at > latest ? at : latest),
    null,
  );
  return { ids: rows.map(({ id }) => id), last };
}

export async function pruneDeliveries(tx: TenantTx, finishedBefore: Date): Promise<void> {
  await tx.client.query('select delete_deliveries($1)', [finishedBefore]);
}
