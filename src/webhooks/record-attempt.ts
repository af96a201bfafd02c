import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import type { OutboxWork } from '../platform/queue/outbox-worker.js';
import { publicId } from '../platform/ids.js';
import { type Act, Acts } from '../tenancy/acts.js';
import { changeDelivery, type DeliveryRow } from './deliveries.repository.js';
import { type Attempt, DISABLE_AFTER_MS, logged, retryAfterMs, retryDelayMs } from './delivery.js';
import { changeWebhook, noteArrival, noteFailure } from './webhooks.repository.js';

const GONE = 410;
const ACTOR = 'system:webhooks';

/** Writes down what came of an attempt, in the transaction that gives the job up or sets its next time. */
@Injectable()
export class RecordAttempt {
  constructor(
    private readonly database: TenantDatabase,
    private readonly acts: Acts,
    private readonly clock: Clock,
  ) {}

  async execute(
    work: OutboxWork,
    delivery: DeliveryRow,
    attempt: Attempt,
    retryAfter: string | undefined,
  ): Promise<void> {
    if (attempt.error === null) return this.#delivered(work, delivery, attempt);
    if (attempt.status === GONE) return this.#gone(work, delivery, attempt);
    const attempts = delivery.attempts + 1;
    const asked = retryAfterMs(retryAfter, this.clock.now());
    const delayMs = retryDelayMs(attempts, Math.random(), asked);
    if (delayMs === null) return this.#exhausted(work, delivery, attempt);
    await this.database.inTenant(work.tenantId, async (tx) => {
      const nowMs = this.clock.now();
      await noteFailure(tx, delivery.webhookId, new Date(nowMs));
      const nextAttemptAt = new Date(nowMs + delayMs);
      await changeDelivery(tx, delivery.id, { attempts, nextAttemptAt, log: logged(delivery.log, attempt) });
      await work.again(tx, delayMs);
    });
  }

  async #delivered(work: OutboxWork, delivery: DeliveryRow, attempt: Attempt): Promise<void> {
    await this.database.inTenant(work.tenantId, async (tx) => {
      await noteArrival(tx, delivery.webhookId);
      await this.#end(tx, work, delivery, attempt, 'delivered');
    });
  }

  /** "The endpoint is gone": the standard's way of saying that nobody wants to be told any more. */
  async #gone(work: OutboxWork, delivery: DeliveryRow, attempt: Attempt): Promise<void> {
    await this.acts.run(work.tenantId, async (act) => {
      await this.#end(act.tx, work, delivery, attempt, 'failed');
      await disable(act, delivery, 'the endpoint answered 410 Gone');
    });
  }

  async #exhausted(work: OutboxWork, delivery: DeliveryRow, attempt: Attempt): Promise<void> {
    await this.acts.run(work.tenantId, async (act) => {
      await this.#end(act.tx, work, delivery, attempt, 'failed');
      const since = await noteFailure(act.tx, delivery.webhookId, new Date(act.nowMs));
      if (act.nowMs - since.getTime() >= DISABLE_AFTER_MS)
        await disable(act, delivery, `nothing has arrived since ${since.toISOString()}`);
    });
  }

  async #end(
    tx: TenantTx,
    work: OutboxWork,
    delivery: DeliveryRow,
    attempt: Attempt,
    state: 'delivered' | 'failed',
  ): Promise<void> {
    const ended = { state, nextAttemptAt: null, finishedAt: new Date(this.clock.now()) };
    const attempts = delivery.attempts + 1;
    await changeDelivery(tx, delivery.id, { ...ended, attempts, log: logged(delivery.log, attempt) });
    await work.done(tx);
  }
}

async function disable({ tx, chain, nowMs }: Act, { webhookId }: DeliveryRow, reason: string): Promise<void> {
  const details = { webhook: publicId('whk', webhookId), reason };
  await chain.append({ actor: ACTOR, action: 'webhook.disable', outcome: 'success', details });
  await changeWebhook(tx, webhookId, { state: 'disabled', disabledReason: reason, updatedAt: new Date(nowMs) });
}
