import { Inject, Injectable } from '@nestjs/common';
import { entryAt, type StoredEntry } from '../audit/entry-at.js';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import type { OutboxWork } from '../platform/queue/outbox-worker.js';
import type { DeliveryRow } from './deliveries.repository.js';
import { changeDelivery, findDelivery } from './deliveries.repository.js';
import type { Attempt } from './delivery.js';
import { eventBody, eventIdText } from './event.js';
import { RecordAttempt } from './record-attempt.js';
import { NotSentError, SendWebhook, type WebhookAnswer } from './send-webhook.js';
import { SigningSecrets } from './signing-secret.js';
import { readWebhookUrl } from './webhook-url.js';
import { findWebhook, type WebhookRow } from './webhooks.repository.js';

const NOT_SENT_PAUSE_MS = 5_000;

interface Prepared {
  readonly delivery: DeliveryRow;
  readonly webhook: WebhookRow;
  readonly stored: StoredEntry;
}

/** A job: one attempt at one delivery. Reading, sending and writing down are apart: nothing waits inside a transaction. */
@Injectable()
export class DeliverWebhook {
  constructor(
    private readonly database: TenantDatabase,
    private readonly secrets: SigningSecrets,
    private readonly send: SendWebhook,
    private readonly record: RecordAttempt,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async execute(work: OutboxWork): Promise<void> {
    const prepared = await this.#prepare(work);
    if (prepared === null) return;
    const startedMs = this.clock.now();
    let answer: WebhookAnswer;
    try {
      answer = await this.#attempt(work, prepared, new Date(startedMs));
    } catch (error) {
      if (!(error instanceof NotSentError)) throw error;
      return this.database.inTenant(work.tenantId, (tx) => work.again(tx, NOT_SENT_PAUSE_MS));
    }
    const { status, error, response } = answer;
    const at = new Date(startedMs).toISOString();
    const attempt: Attempt = { at, duration_ms: this.clock.now() - startedMs, status, error, response };
    await this.record.execute(work, prepared.delivery, attempt, answer.retryAfter);
  }

  /** Null when there is nothing to send (any more); that is written down at once. */
  #prepare(work: OutboxWork): Promise<Prepared | null> {
    return this.database.inTenant(work.tenantId, async (tx) => {
      const delivery = await findDelivery(tx, work.id);
      const webhook = delivery?.state === 'pending' ? await findWebhook(tx, delivery.webhookId) : undefined;
      if (delivery !== undefined && webhook?.state === 'active') {
        const stored = await entryAt(tx, delivery.seq);
        if (stored === undefined) throw new Error('a delivery has no entry');
        return { delivery, webhook, stored };
      }
      if (delivery?.state === 'pending') {
        const dropped = { state: 'dropped' as const, nextAttemptAt: null, finishedAt: new Date(this.clock.now()) };
        await changeDelivery(tx, delivery.id, dropped);
      }
      await work.done(tx);
      return null;
    });
  }

  async #attempt({ tenantId, signal }: OutboxWork, { webhook, stored }: Prepared, at: Date): Promise<WebhookAnswer> {
    // Read again by today's rules: what was stored in development may not be sent to in production.
    const target = readWebhookUrl(webhook.url, { allowCleartext: this.config.environment !== 'production' });
    if (!target.ok) return { status: null, error: target.code, retryAfter: undefined, response: null };
    const message = { id: eventIdText(stored), at, body: eventBody(stored) };
    const signature = this.secrets.sign(tenantId, webhook, message);
    return this.send.execute(tenantId, { ...message, target: target.value, signature }, signal);
  }
}
