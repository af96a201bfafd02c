import { Body, Controller, Get, HttpStatus, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { idField } from '../platform/http/fields.js';
import { Idempotent } from '../platform/http/idempotent.js';
import { Cursors } from '../platform/http/pagination.js';
import { Returns } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { Allow, BRAKERS, Caller, HUMANS, READERS } from '../tenancy/access.js';
import type { Principal } from '../tenancy/principal.js';
import { ActivateBrake, type ActivateBrakeInput } from './activate-brake.js';
import { brakeBody, brakeList, brakesQuery, brakeView, clearBody, viewBrake } from './brakes.schema.js';
import { ClearBrake } from './clear-brake.js';
import { ListBrakes } from './list-brakes.js';

const brakeId = idField('brk');

@Controller('v1/brakes')
@OnSurface('tenant', 'ops')
export class BrakesController {
  constructor(
    private readonly activateBrake: ActivateBrake,
    private readonly clearBrake: ClearBrake,
    private readonly listBrakes: ListBrakes,
    private readonly cursors: Cursors,
  ) {}

  @Get()
  @Allow(READERS)
  @Returns(brakeList, { summary: 'The emergency brakes, oldest first' })
  async list(@Caller() { tenantId }: Principal, @Query({ schema: brakesQuery }) query: z.output<typeof brakesQuery>) {
    const scope = { tenantId, list: `brakes/${query.active}` };
    const after = query.cursor === undefined ? undefined : this.cursors.open<string>(scope, query.cursor);
    const rows = await this.listBrakes.execute(tenantId, query.active === 'true', after, query.limit + 1);
    return this.cursors.page(rows, { limit: query.limit, scope, position: (row) => row.id, view: viewBrake });
  }

  @Post()
  @Allow(BRAKERS)
  @Idempotent()
  @Returns(brakeView, {
    status: 201,
    alsoStatuses: [200],
    summary: 'Pull a brake; 200 when it was on already. The global one is the operator’s',
  })
  async activate(
    @Caller() principal: Principal,
    @Body({ schema: brakeBody }) body: z.output<typeof brakeBody>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { brake, created } = await this.activateBrake.execute(principal, brakeInput(body));
    void reply.status(created ? HttpStatus.CREATED : HttpStatus.OK);
    return viewBrake(brake);
  }

  @Post(':id/clear')
  @Allow(HUMANS)
  @Returns(brakeView, { summary: 'Let go of a brake (a human act)' })
  async clear(
    @Caller() principal: Principal,
    @Param('id', { schema: brakeId }) id: string,
    @Body({ schema: clearBody }) { reason, confirm }: z.output<typeof clearBody>,
  ) {
    const input = confirm === undefined ? { reason } : { reason, confirm };
    return viewBrake(await this.clearBrake.execute(principal, id, input));
  }
}

function brakeInput(body: z.output<typeof brakeBody>): ActivateBrakeInput {
  const { scope, reason } = body;
  if (scope === 'agent') return { scope, reason, agentId: body.agent_id };
  return scope === 'credential' ? { scope, reason, credentialName: body.credential_name } : { scope, reason };
}
