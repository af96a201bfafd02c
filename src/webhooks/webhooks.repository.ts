import { and, asc, eq, gt, isNull, sql } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { webhooks } from './webhooks.table.js';

export type WebhookRow = typeof webhooks.$inferSelect;
export type WebhookChange = Partial<Omit<typeof webhooks.$inferInsert, 'tenantId' | 'id' | 'createdAt'>>;

const live = (tx: TenantTx) => and(eq(webhooks.tenantId, tx.tenantId), isNull(webhooks.deletedAt));

export async function insertWebhook(
  tx: TenantTx,
  row: Omit<typeof webhooks.$inferInsert, 'tenantId'>,
): Promise<WebhookRow> {
  const [stored] = await tx.db
    .insert(webhooks)
    .values({ ...row, tenantId: tx.tenantId })
    .returning();
  return stored as WebhookRow;
}

export async function findWebhook(tx: TenantTx, id: string): Promise<WebhookRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(webhooks)
    .where(and(live(tx), eq(webhooks.id, id)));
  return row;
}

export async function listWebhooks(tx: TenantTx, afterId: string | undefined, limit: number): Promise<WebhookRow[]> {
  const after = afterId === undefined ? undefined : gt(webhooks.id, afterId);
  return tx.db
    .select()
    .from(webhooks)
    .where(and(live(tx), after))
    .orderBy(asc(webhooks.id))
    .limit(limit);
}

export async function changeWebhook(tx: TenantTx, id: string, change: WebhookChange): Promise<WebhookRow> {
  const [row] = await tx.db
    .update(webhooks)
    .set(change)
    .where(and(eq(webhooks.tenantId, tx.tenantId), eq(webhooks.id, id)))
    .returning();
  return row as WebhookRow;
}

/** Nothing is written while all is well. */
export async function noteArrival(tx: TenantTx, id: string): Promise<void> {
  await tx.client.query(
    'update webhooks set failing_since = null where tenant_id = $1 and id = $2 and failing_since is not null',
    [tx.tenantId, id],
  );
}

/** Since when nothing has arrived there. */
export async function noteFailure(tx: TenantTx, id: string, at: Date): Promise<Date> {
  const [row] = await tx.db
    .update(webhooks)
    .set({ failingSince: sql`coalesce(${webhooks.failingSince}, ${at})` })
    .where(and(eq(webhooks.tenantId, tx.tenantId), eq(webhooks.id, id)))
    .returning({ since: webhooks.failingSince });
  return row?.since ?? at;
}
