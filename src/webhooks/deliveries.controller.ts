import { Body, Controller, Get, HttpStatus, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { idField } from '../platform/http/fields.js';
import { Idempotent } from '../platform/http/idempotent.js';
import { Cursors } from '../platform/http/pagination.js';
import { Returns } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { ADMINS, Allow, Caller, READERS } from '../tenancy/access.js';
import type { Principal } from '../tenancy/principal.js';
import { ReadWebhooks } from './read-webhooks.js';
import { ReplayDeliveries } from './replay-deliveries.js';
import { TestWebhook } from './test-webhook.js';
import {
  deliveriesQuery,
  deliveryList,
  deliveryView,
  replayBody,
  replayView,
  viewDelivery,
} from './webhooks.schema.js';

const webhookId = { schema: idField('whk') };
const deliveryId = { schema: idField('dlv') };
const status = HttpStatus.ACCEPTED;

/** What was sent, and sending again. */
@Controller('v1/webhooks')
@OnSurface('tenant', 'ops')
export class DeliveriesController {
  constructor(
    private readonly readWebhooks: ReadWebhooks,
    private readonly testWebhook: TestWebhook,
    private readonly replayDeliveries: ReplayDeliveries,
    private readonly cursors: Cursors,
  ) {}

  @Get(':id/deliveries')
  @Allow(READERS)
  @Returns(deliveryList, { summary: 'What was sent there and what came of it, newest first; kept for 30 days' })
  async list(
    @Caller() { tenantId }: Principal,
    @Param('id', webhookId) id: string,
    @Query({ schema: deliveriesQuery }) { limit, cursor, state }: z.output<typeof deliveriesQuery>,
  ) {
    const scope = { tenantId, list: `webhooks/${id}/${state ?? ''}` };
    const beforeId = cursor === undefined ? undefined : this.cursors.open<string>(scope, cursor);
    const rows = await this.readWebhooks.deliveries(tenantId, id, { state, beforeId, limit: limit + 1 });
    return this.cursors.page(rows, { limit, scope, position: (row) => row.id, view: viewDelivery });
  }

  @Post(':id/test')
  @Allow(ADMINS)
  @Idempotent()
  @Returns(deliveryView, { status: 201, summary: 'Send an event of the type webhook.test' })
  async test(@Caller() principal: Principal, @Param('id', webhookId) id: string) {
    return viewDelivery(await this.testWebhook.execute(principal, id));
  }

  @Post(':id/replay')
  @Allow(ADMINS)
  @Returns(replayView, { status, summary: 'Send again what it has missed since a time' })
  async replaySince(
    @Caller() principal: Principal,
    @Param('id', webhookId) id: string,
    @Body({ schema: replayBody }) body: z.output<typeof replayBody>,
  ) {
    const input = { since: new Date(body.since), includeDelivered: body.include_delivered };
    const { replayed, nextSince } = await this.replayDeliveries.since(principal, id, input);
    return { replayed, next_since: nextSince?.toISOString() ?? null };
  }

  @Post('deliveries/:id/replay')
  @Allow(ADMINS)
  @Returns(deliveryView, { status, summary: 'Send one again that has ended' })
  async replay(@Caller() principal: Principal, @Param('id', deliveryId) id: string) {
    return viewDelivery(await this.replayDeliveries.one(principal, id));
  }
}
