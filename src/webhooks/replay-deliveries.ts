import { Injectable } from '@nestjs/common';
import { notFound } from '../platform/http/http.errors.js';
import { publicId } from '../platform/ids.js';
import { type Act, Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { changeDelivery, type DeliveryRow, findDelivery, reopenDeliveries } from './deliveries.repository.js';
import type { DeliveryState } from './delivery.js';
import { enqueueDeliveries } from './dispatch.js';
import { deliveryPending, webhookDisabled } from './webhooks.errors.js';
import { findWebhook } from './webhooks.repository.js';

const AT_ONCE_MAX = 1_000;

/** Sends again what was sent, under the same event ids: a receiver that keeps them sees what it has had. */
@Injectable()
export class ReplayDeliveries {
  constructor(private readonly acts: Acts) {}

  /** One that has ended, however it did. */
  one(principal: Principal, id: string): Promise<DeliveryRow> {
    return this.acts.run(principal.tenantId, async (act) => {
      const found = await findDelivery(act.tx, id);
      if (found === undefined) throw notFound();
      await assertActive(act, found.webhookId);
      if (found.state === 'pending') throw deliveryPending();
      const details = { webhook: publicId('whk', found.webhookId), delivery: publicId('dlv', id) };
      await act.chain.append({ actor: actorOf(principal), action: 'webhook.replay', outcome: 'success', details });
      await enqueueDeliveries(act.tx, [id]);
      const now = new Date(act.nowMs);
      return changeDelivery(act.tx, id, { state: 'pending', attempts: 0, nextAttemptAt: now, finishedAt: null });
    });
  }

  /**
   * What an endpoint has missed since then, oldest first, and what it has had too when that is asked for. So much at a
   * time; `nextSince` is where to go on.
   */
  since(
    principal: Principal,
    webhookId: string,
    input: { readonly since: Date; readonly includeDelivered: boolean },
  ): Promise<{ replayed: number; nextSince: Date | null }> {
    return this.acts.run(principal.tenantId, async (act) => {
      await assertActive(act, webhookId);
      const states: DeliveryState[] = ['failed', 'dropped', ...(input.includeDelivered ? ['delivered' as const] : [])];
      const which = { since: input.since, states, now: new Date(act.nowMs), limit: AT_ONCE_MAX };
      const { ids, last } = await reopenDeliveries(act.tx, webhookId, which);
      await enqueueDeliveries(act.tx, ids);
      const details = { webhook: publicId('whk', webhookId), since: input.since.toISOString(), replayed: ids.length };
      await act.chain.append({ actor: actorOf(principal), action: 'webhook.replay', outcome: 'success', details });
      return { replayed: ids.length, nextSince: ids.length === AT_ONCE_MAX ? last : null };
    });
  }
}

async function assertActive({ tx }: Act, webhookId: string): Promise<void> {
  const webhook = await findWebhook(tx, webhookId);
  if (webhook === undefined) throw notFound();
  if (webhook.state !== 'active') throw webhookDisabled();
}
