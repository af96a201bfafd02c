import { Controller, Delete, Get, Param, Put, Query } from '@nestjs/common';
import type { z } from 'zod';
import { idField } from '../platform/http/fields.js';
import { Cursors, pageQuery } from '../platform/http/pagination.js';
import { Returns, ReturnsNothing } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { ADMINS, Allow, Caller, READERS, STOPPERS } from '../tenancy/access.js';
import type { Principal } from '../tenancy/principal.js';
import { credentialParam, grantList, grantViewSchema, viewGrant } from './credentials.schema.js';
import { GrantAccess } from './grant-access.js';

const name = { schema: credentialParam };
const agent = { schema: idField('agt') };

@Controller('v1/credentials/:name/grants')
@OnSurface('tenant')
export class GrantsController {
  constructor(
    private readonly access: GrantAccess,
    private readonly cursors: Cursors,
  ) {}

  @Get()
  @Allow(READERS)
  @Returns(grantList, { summary: 'The agents that may use the credential' })
  async list(
    @Caller() { tenantId }: Principal,
    @Param('name', name) label: string,
    @Query({ schema: pageQuery }) query: z.output<typeof pageQuery>,
  ) {
    const scope = { tenantId, list: `grants/${label}` };
    const after = query.cursor === undefined ? undefined : this.cursors.open<string>(scope, query.cursor);
    const rows = await this.access.list(tenantId, label, after, query.limit + 1);
    return this.cursors.page(rows, { limit: query.limit, scope, position: (row) => row.agent.id, view: viewGrant });
  }

  @Put(':agent_id')
  @Allow(ADMINS)
  @Returns(grantViewSchema, { summary: 'Let an agent use the credential' })
  async grant(
    @Caller() principal: Principal,
    @Param('name', name) label: string,
    @Param('agent_id', agent) agentId: string,
  ) {
    return viewGrant(await this.access.grant(principal, label, agentId));
  }

  @Delete(':agent_id')
  @Allow(STOPPERS)
  @ReturnsNothing({ summary: 'Take the credential from an agent; its calls with it are cut' })
  revoke(
    @Caller() principal: Principal,
    @Param('name', name) label: string,
    @Param('agent_id', agent) agentId: string,
  ): Promise<void> {
    return this.access.revoke(principal, label, agentId);
  }
}
