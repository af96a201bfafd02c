import type { TenantTx } from '../platform/database/tenant-tx.js';
import { enqueue } from '../platform/queue/outbox.js';
import { newUuid } from '../platform/ids.js';
import { countPending, type DeliveryRow, insertDeliveries } from './deliveries.repository.js';
import type { WebhookRow } from './webhooks.repository.js';

/** The queue of the outbox that deliveries wait in. */
export const DELIVERIES_QUEUE = 'webhook-deliveries';
/** Under way to one endpoint; what is more is logged as dropped, and can be replayed. */
const PENDING_MAX = 10_000;

export interface ToldEvent {
  /** UUID. */
  readonly id: string;
  readonly type: string;
  readonly seq: number;
}

/** Puts an event on its way to an endpoint, in the caller's transaction; logs it as dropped where it cannot go. */
export async function dispatch(
  tx: TenantTx,
  webhook: Pick<WebhookRow, 'id' | 'state'>,
  event: ToldEvent,
  at: Date,
): Promise<DeliveryRow | undefined> {
  const full = (await countPending(tx, webhook.id, PENDING_MAX)) >= PENDING_MAX;
  const state = webhook.state === 'active' && !full ? ('pending' as const) : ('dropped' as const);
  const row = { id: newUuid(), webhookId: webhook.id, eventId: event.id, eventType: event.type, seq: event.seq };
  const [inserted] = await insertDeliveries(tx, [{ ...row, state, createdAt: at }]);
  if (inserted?.state === 'pending') await enqueueDeliveries(tx, [inserted.id]);
  return inserted;
}

/** The job of a delivery has its id, so that there is one at most. */
export function enqueueDeliveries(tx: TenantTx, ids: readonly string[]): Promise<void> {
  return enqueue(
    tx,
    ids.map((id) => ({ id, queue: DELIVERIES_QUEUE, payload: {} })),
  );
}
