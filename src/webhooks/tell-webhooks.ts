import { Injectable } from '@nestjs/common';
import { entryAt } from '../audit/entry-at.js';
import { eventIdOf, eventTypeOf } from '../audit/notable.js';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import type { OutboxWork } from '../platform/queue/outbox-worker.js';
import { dispatch } from './dispatch.js';
import { subscribes } from './event.js';
import { listWebhooks } from './webhooks.repository.js';
import { WEBHOOKS_MAX } from './create-webhook.js';

/** A job: a notable entry becomes one delivery for each endpoint that wants it, all in one transaction. */
@Injectable()
export class TellWebhooks {
  constructor(
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
  ) {}

  async execute(work: OutboxWork): Promise<void> {
    await this.database.inTenant(work.tenantId, async (tx) => {
      const stored = await entryAt(tx, Number(work.payload.seq));
      const type = stored === undefined ? undefined : eventTypeOf(stored.entry.action);
      if (stored === undefined || type === undefined) throw new Error('an event has no notable entry');
      const event = { id: eventIdOf(stored.hash), type, seq: stored.entry.seq };
      const at = new Date(this.clock.now());
      for (const webhook of await listWebhooks(tx, undefined, WEBHOOKS_MAX)) {
        if (subscribes(webhook.events, type)) await dispatch(tx, webhook, event, at);
      }
      await work.done(tx);
    });
  }
}
