import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { idField } from '../platform/http/fields.js';
import { Cursors, pageQuery } from '../platform/http/pagination.js';
import { Returns } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { Allow, BRAKERS, Caller, HUMANS, READERS } from '../tenancy/access.js';
import type { Principal } from '../tenancy/principal.js';
import { emptyBody, optionalReasonBody, sessionList, sessionView, viewSession } from './agents.schema.js';
import { ApproveSession } from './approve-session.js';
import { ListSessions } from './list-sessions.js';
import { RevokeSession } from './revoke-session.js';

const agentId = idField('agt');
const sessionId = idField('ses');

@Controller('v1')
@OnSurface('tenant')
export class AgentSessionsController {
  constructor(
    private readonly listSessions: ListSessions,
    private readonly approveSession: ApproveSession,
    private readonly revokeSession: RevokeSession,
    private readonly cursors: Cursors,
  ) {}

  @Get('agents/:id/sessions')
  @Allow(READERS)
  @Returns(sessionList, { summary: 'The sessions of an agent, newest first' })
  async list(
    @Caller() { tenantId }: Principal,
    @Param('id', { schema: agentId }) id: string,
    @Query({ schema: pageQuery }) query: z.output<typeof pageQuery>,
  ) {
    const scope = { tenantId, list: `sessions/${id}` };
    const before = query.cursor === undefined ? undefined : this.cursors.open<string>(scope, query.cursor);
    const rows = await this.listSessions.execute(tenantId, id, before, query.limit + 1);
    return this.cursors.page(rows, {
      limit: query.limit,
      scope,
      position: ({ session }) => session.id,
      view: viewSession,
    });
  }

  @Post('sessions/:id/approve')
  @Allow(HUMANS)
  @Returns(sessionView, { summary: 'Let a SACRED agent have its next token (a human act)' })
  async approve(
    @Caller() principal: Principal,
    @Param('id', { schema: sessionId }) id: string,
    @Body({ schema: emptyBody }) _body: z.output<typeof emptyBody>,
  ) {
    return viewSession(await this.approveSession.execute(principal, id));
  }

  @Post('sessions/:id/revoke')
  @Allow(BRAKERS)
  @Returns(sessionView, { summary: 'End a session at once' })
  async revoke(
    @Caller() principal: Principal,
    @Param('id', { schema: sessionId }) id: string,
    @Body({ schema: optionalReasonBody }) body: z.output<typeof optionalReasonBody>,
  ) {
    return viewSession(await this.revokeSession.execute(principal, id, body?.reason));
  }
}
