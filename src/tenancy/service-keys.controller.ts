import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { idField } from '../platform/http/fields.js';
import { Idempotent } from '../platform/http/idempotent.js';
import { Cursors, pageQuery } from '../platform/http/pagination.js';
import { Returns, ReturnsNothing } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { ADMINS, Allow, Caller, READERS, STOPPERS } from './access.js';
import { actorOf, type Principal } from './principal.js';
import { ServiceKeys } from './service-keys.js';
import { newServiceKeyView, serviceKeyBody, serviceKeyList, viewServiceKey } from './tenancy.schema.js';

const keyId = idField('key');

@Controller('v1/service-keys')
@OnSurface('tenant', 'ops')
export class ServiceKeysController {
  constructor(
    private readonly keys: ServiceKeys,
    private readonly cursors: Cursors,
  ) {}

  @Get()
  @Allow(READERS)
  @Returns(serviceKeyList, { summary: 'The service keys, without the keys' })
  async list(@Caller() principal: Principal, @Query({ schema: pageQuery }) query: z.output<typeof pageQuery>) {
    const scope = { tenantId: principal.tenantId, list: 'service-keys' };
    const after = query.cursor === undefined ? undefined : this.cursors.open<string>(scope, query.cursor);
    const rows = await this.keys.list(principal.tenantId, after, query.limit + 1);
    return this.cursors.page(rows, { limit: query.limit, scope, position: (row) => row.id, view: viewServiceKey });
  }

  @Post()
  @Allow(ADMINS)
  @Idempotent()
  @Returns(newServiceKeyView, { status: 201, summary: 'Make a service key; it is shown once' })
  async create(
    @Caller() principal: Principal,
    @Body({ schema: serviceKeyBody }) { name, role }: z.output<typeof serviceKeyBody>,
  ) {
    const made = await this.keys.create({ tenantId: principal.tenantId, actor: actorOf(principal) }, name, role);
    return { ...viewServiceKey({ ...made, name, role }), key: made.key };
  }

  @Delete(':id')
  @Allow(STOPPERS)
  @ReturnsNothing({ summary: 'Revoke a service key at once' })
  revoke(@Caller() principal: Principal, @Param('id', { schema: keyId }) id: string): Promise<void> {
    return this.keys.revoke(principal, id);
  }
}
