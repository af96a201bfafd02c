import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { idField } from '../platform/http/fields.js';
import { Idempotent } from '../platform/http/idempotent.js';
import { Cursors, pageQuery } from '../platform/http/pagination.js';
import { Returns, ReturnsNothing } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { ADMINS, Allow, Caller, READERS, STOPPERS } from '../tenancy/access.js';
import type { Principal } from '../tenancy/principal.js';
import { CreateWebhook } from './create-webhook.js';
import { DeleteWebhook } from './delete-webhook.js';
import { ReadWebhooks } from './read-webhooks.js';
import { RotateSecret } from './rotate-secret.js';
import { UpdateWebhook } from './update-webhook.js';
import {
  newWebhookView,
  rotateBody,
  viewWebhook,
  webhookBody,
  webhookChange,
  webhookList,
  webhookView,
} from './webhooks.schema.js';

const webhookId = { schema: idField('whk') };

/** A tenant's own; on the ops surface the operator's, which hears of the platform chain. */
@Controller('v1/webhooks')
@OnSurface('tenant', 'ops')
export class WebhooksController {
  constructor(
    private readonly createWebhook: CreateWebhook,
    private readonly readWebhooks: ReadWebhooks,
    private readonly updateWebhook: UpdateWebhook,
    private readonly rotateSecret: RotateSecret,
    private readonly deleteWebhook: DeleteWebhook,
    private readonly cursors: Cursors,
  ) {}

  @Get()
  @Allow(READERS)
  @Returns(webhookList, { summary: 'The webhooks, without their secrets' })
  async list(@Caller() { tenantId }: Principal, @Query({ schema: pageQuery }) query: z.output<typeof pageQuery>) {
    const scope = { tenantId, list: 'webhooks' };
    const after = query.cursor === undefined ? undefined : this.cursors.open<string>(scope, query.cursor);
    const rows = await this.readWebhooks.list(tenantId, after, query.limit + 1);
    return this.cursors.page(rows, { limit: query.limit, scope, position: (row) => row.id, view: viewWebhook });
  }

  @Post()
  @Allow(ADMINS)
  @Idempotent()
  @Returns(newWebhookView, { status: 201, summary: 'Be told of events; the signing secret is shown once' })
  async create(@Caller() principal: Principal, @Body({ schema: webhookBody }) body: z.output<typeof webhookBody>) {
    const input = { url: body.url, events: body.events, description: body.description ?? null };
    const { webhook, secret } = await this.createWebhook.execute(principal, input);
    return { ...viewWebhook(webhook), secret };
  }

  @Get(':id')
  @Allow(READERS)
  @Returns(webhookView, { summary: 'One webhook, without its secret' })
  async show(@Caller() { tenantId }: Principal, @Param('id', webhookId) id: string) {
    return viewWebhook(await this.readWebhooks.show(tenantId, id));
  }

  @Patch(':id')
  @Allow(ADMINS)
  @Returns(webhookView, { summary: 'Change where and of what is told, or switch it off and on' })
  async update(
    @Caller() principal: Principal,
    @Param('id', webhookId) id: string,
    @Body({ schema: webhookChange }) body: z.output<typeof webhookChange>,
  ) {
    return viewWebhook(await this.updateWebhook.execute(principal, id, body));
  }

  @Delete(':id')
  @Allow(STOPPERS)
  @ReturnsNothing({ summary: 'Stop telling' })
  remove(@Caller() principal: Principal, @Param('id', webhookId) id: string): Promise<void> {
    return this.deleteWebhook.execute(principal, id);
  }

  @Post(':id/rotate-secret')
  @Allow(ADMINS)
  @Idempotent()
  @Returns(newWebhookView, {
    status: 201,
    summary: 'A new signing secret, shown once; the old one signs as well for a while',
  })
  async rotate(
    @Caller() principal: Principal,
    @Param('id', webhookId) id: string,
    @Body({ schema: rotateBody }) body: z.output<typeof rotateBody>,
  ) {
    const { webhook, secret } = await this.rotateSecret.execute(principal, id, body.overlap_seconds);
    return { ...viewWebhook(webhook), secret };
  }
}
