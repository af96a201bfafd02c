import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { notFound } from '../platform/http/http.errors.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { findSession } from './agent-sessions.repository.js';
import type { SeenAgent } from './change-agent.js';
import { seenSession, type SeenSession } from './list-sessions.js';
import { ReadAgents } from './read-agents.js';

/** Where the agent that asks stands: its tier, what that allows, and the session it asks with. */
@Injectable()
export class ReadStanding {
  constructor(
    private readonly agents: ReadAgents,
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
  ) {}

  async execute({ tenantId, id, sessionId }: AgentPrincipal): Promise<SeenAgent & SeenSession> {
    const agent = await this.agents.show(tenantId, id);
    const session = await this.database.inTenant(tenantId, (tx) => findSession(tx, sessionId), { readOnly: true });
    if (session === undefined) throw notFound();
    return { ...agent, ...seenSession(session, this.clock.now()) };
  }
}
