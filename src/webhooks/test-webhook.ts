import { Injectable } from '@nestjs/common';
import { eventIdOf } from '../audit/notable.js';
import { notFound } from '../platform/http/http.errors.js';
import { publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import type { DeliveryRow } from './deliveries.repository.js';
import { dispatch } from './dispatch.js';
import { TEST_EVENT } from './event.js';
import { webhookDisabled } from './webhooks.errors.js';
import { findWebhook } from './webhooks.repository.js';

/** Sends an event that says nothing, to one endpoint. It stands in the chain like all that is told. */
@Injectable()
export class TestWebhook {
  constructor(private readonly acts: Acts) {}

  execute(principal: Principal, id: string): Promise<DeliveryRow> {
    return this.acts.run(principal.tenantId, async ({ tx, chain, nowMs }) => {
      const webhook = await findWebhook(tx, id);
      if (webhook === undefined) throw notFound();
      if (webhook.state !== 'active') throw webhookDisabled();
      const details = { webhook: publicId('whk', id) };
      const draft = { actor: actorOf(principal), action: TEST_EVENT, outcome: 'success', details };
      const { seq, hash } = await chain.append(draft);
      const sent = await dispatch(tx, webhook, { id: eventIdOf(hash), type: TEST_EVENT, seq }, new Date(nowMs));
      return sent as DeliveryRow; // a new entry has a new id
    });
  }
}
