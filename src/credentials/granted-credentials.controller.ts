import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Cursors, listOf, pageQuery } from '../platform/http/pagination.js';
import { Returns } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { AGENTS, Allow, Caller } from '../tenancy/access.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { ListGranted } from './list-granted.js';

const grantedList = listOf(z.object({ name: z.string() }));

@Controller('v1/granted-credentials')
@OnSurface('tenant')
export class GrantedCredentialsController {
  constructor(
    private readonly listGranted: ListGranted,
    private readonly cursors: Cursors,
  ) {}

  @Get()
  @Allow(AGENTS)
  @Returns(grantedList, { summary: 'The names of the credentials granted to the agent that asks' })
  async list(
    @Caller() { tenantId, id }: AgentPrincipal,
    @Query({ schema: pageQuery }) { cursor, limit }: z.output<typeof pageQuery>,
  ) {
    const scope = { tenantId, list: `granted/${id}` };
    const after = cursor === undefined ? undefined : this.cursors.open<string>(scope, cursor);
    const names = await this.listGranted.execute(tenantId, id, after, limit + 1);
    return this.cursors.page(names, { limit, scope, position: (name) => name, view: (name) => ({ name }) });
  }
}
