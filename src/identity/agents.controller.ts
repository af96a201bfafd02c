import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { idField } from '../platform/http/fields.js';
import { Idempotent } from '../platform/http/idempotent.js';
import { Cursors, pageQuery } from '../platform/http/pagination.js';
import { Returns } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { publicId } from '../platform/ids.js';
import { ADMINS, Allow, Caller, READERS, STOPPERS } from '../tenancy/access.js';
import type { Principal } from '../tenancy/principal.js';
import {
  agentBody,
  agentList,
  agentView,
  apiKeyView,
  emptyBody,
  newAgentView,
  viewAgent,
  viewNewAgent,
} from './agents.schema.js';
import { ReadAgents } from './read-agents.js';
import { RegisterAgent } from './register-agent.js';
import { ReplaceApiKey } from './replace-api-key.js';

const agentId = idField('agt');

@Controller('v1/agents')
@OnSurface('tenant')
export class AgentsController {
  constructor(
    private readonly readAgents: ReadAgents,
    private readonly registerAgent: RegisterAgent,
    private readonly replaceApiKey: ReplaceApiKey,
    private readonly cursors: Cursors,
  ) {}

  @Post()
  @Allow(ADMINS)
  @Idempotent()
  @Returns(newAgentView, { status: 201, summary: 'Register an agent, as NOVICE; its API key is shown once' })
  async register(@Caller() principal: Principal, @Body({ schema: agentBody }) { name }: z.output<typeof agentBody>) {
    const { agent, apiKey } = await this.registerAgent.execute(principal, name);
    return { ...viewNewAgent(agent), api_key: apiKey };
  }

  @Get()
  @Allow(READERS)
  @Returns(agentList, { summary: 'The agents, oldest first' })
  async list(@Caller() { tenantId }: Principal, @Query({ schema: pageQuery }) query: z.output<typeof pageQuery>) {
    const scope = { tenantId, list: 'agents' };
    const after = query.cursor === undefined ? undefined : this.cursors.open<string>(scope, query.cursor);
    const rows = await this.readAgents.list(tenantId, after, query.limit + 1);
    return this.cursors.page(rows, { limit: query.limit, scope, position: ({ agent }) => agent.id, view: viewAgent });
  }

  @Get(':id')
  @Allow(READERS)
  @Returns(agentView, { summary: 'One agent' })
  async show(@Caller() { tenantId }: Principal, @Param('id', { schema: agentId }) id: string) {
    return viewAgent(await this.readAgents.show(tenantId, id));
  }

  @Post(':id/api-key')
  @Allow(STOPPERS)
  @Idempotent()
  @Returns(apiKeyView, { status: 201, summary: 'Replace the API key; the old one is dead and its sessions end' })
  async replaceKey(
    @Caller() principal: Principal,
    @Param('id', { schema: agentId }) id: string,
    @Body({ schema: emptyBody }) _body: z.output<typeof emptyBody>,
  ) {
    const { apiKey } = await this.replaceApiKey.execute(principal, id);
    return { id: publicId('agt', id), api_key: apiKey };
  }
}
