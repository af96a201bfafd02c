import { Injectable } from '@nestjs/common';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import type { Principal } from '../tenancy/principal.js';
import { endSessionsOf } from './agent-sessions.repository.js';
import { ChangeAgent, type SeenAgent } from './change-agent.js';
import { agentRevoked } from './identity.errors.js';

/** Stops an agent at once: its sessions end with the entry, its calls in flight are cut. A person may reinstate it. */
@Injectable()
export class SuspendAgent {
  constructor(
    private readonly changeAgent: ChangeAgent,
    private readonly inFlight: InFlightCalls,
  ) {}

  async execute(principal: Principal, agentId: string, reason: string): Promise<SeenAgent> {
    const seen = await this.changeAgent.execute(
      principal,
      agentId,
      async ({ tx, nowMs }, agent) => {
        if (agent.state === 'revoked') throw agentRevoked();
        if (agent.state === 'suspended') return null;
        const ended = await endSessionsOf(tx, agentId, new Date(nowMs), 'agent suspended');
        return { action: 'agent.suspend', set: { state: 'suspended' }, details: { reason, sessions_ended: ended } };
      },
      'control',
    );
    this.inFlight.cut({ tenantId: principal.tenantId, agentId }, 'suspended');
    return seen;
  }
}
