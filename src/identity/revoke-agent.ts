import { Injectable } from '@nestjs/common';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import type { Principal } from '../tenancy/principal.js';
import { endSessionsOf } from './agent-sessions.repository.js';
import { ChangeAgent, type SeenAgent } from './change-agent.js';

/** Ends an agent for good: sessions, API key, calls in flight. Nothing brings it back. */
@Injectable()
export class RevokeAgent {
  constructor(
    private readonly changeAgent: ChangeAgent,
    private readonly inFlight: InFlightCalls,
  ) {}

  async execute(principal: Principal, agentId: string, reason: string): Promise<SeenAgent> {
    const seen = await this.changeAgent.execute(
      principal,
      agentId,
      async ({ tx, nowMs }, agent) => {
        if (agent.state === 'revoked') return null;
        const ended = await endSessionsOf(tx, agentId, new Date(nowMs), 'agent revoked');
        return { action: 'agent.revoke', set: { state: 'revoked' }, details: { reason, sessions_ended: ended } };
      },
      'control',
    );
    this.inFlight.cut({ tenantId: principal.tenantId, agentId }, 'session_ended');
    return seen;
  }
}
