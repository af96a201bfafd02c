import { Injectable } from '@nestjs/common';
import { type Tier, TIER_RULES, tierAtLeast } from '@chancery/protocol/tiers.js';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import type { Principal } from '../tenancy/principal.js';
import { endSessionsOf } from './agent-sessions.repository.js';
import { ChangeAgent, type SeenAgent } from './change-agent.js';
import { agentRevoked, tierNotHigher } from './identity.errors.js';

/**
 * Raises an agent's tier: a human act, only upwards. Into a tier whose sessions a person approves, the sessions that
 * nobody approved do not come along.
 */
@Injectable()
export class PromoteAgent {
  constructor(
    private readonly changeAgent: ChangeAgent,
    private readonly inFlight: InFlightCalls,
  ) {}

  async execute(principal: Principal, agentId: string, tier: Tier, reason: string): Promise<SeenAgent> {
    const endsSessions = TIER_RULES[tier].humanApproval;
    const seen = await this.changeAgent.execute(principal, agentId, async ({ tx, nowMs }, agent) => {
      if (agent.state === 'revoked') throw agentRevoked();
      if (tierAtLeast(agent.tier, tier)) throw tierNotHigher(agent.tier);
      const ended = endsSessions ? await endSessionsOf(tx, agentId, new Date(nowMs), 'agent promoted') : 0;
      const details = { from: agent.tier, to: tier, reason, sessions_ended: ended };
      return { action: 'agent.promote', set: { tier }, details };
    });
    if (endsSessions) this.inFlight.cut({ tenantId: principal.tenantId, agentId }, 'session_ended');
    return seen;
  }
}
