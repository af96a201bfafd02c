import { Injectable } from '@nestjs/common';
import { type Tier, TIER_RULES, tierAtLeast } from '@chancery/protocol/tiers.js';
import { publicId } from '../platform/ids.js';
import type { Principal } from '../tenancy/principal.js';
import { ChangeAgent, type SeenAgent } from './change-agent.js';
import { GrantLimits } from './grant-limits.js';
import { agentRevoked, tierNotLower } from './identity.errors.js';

/**
 * Lowers an agent's tier. The newest grants above the new tier's number are suspended with it. Sessions go on: the next
 * use is decided by the new tier, the next token has its lifetime.
 */
@Injectable()
export class DemoteAgent {
  constructor(
    private readonly changeAgent: ChangeAgent,
    private readonly grants: GrantLimits,
  ) {}

  execute(principal: Principal, agentId: string, tier: Tier, reason: string): Promise<SeenAgent> {
    const { credentialsLimit } = TIER_RULES[tier];
    return this.changeAgent.execute(
      principal,
      agentId,
      async ({ tx }, agent) => {
        if (agent.state === 'revoked') throw agentRevoked();
        if (tierAtLeast(tier, agent.tier)) throw tierNotLower(agent.tier);
        const suspended =
          credentialsLimit === null ? [] : await this.grants.suspendAbove(tx, agentId, credentialsLimit);
        const credentials = suspended.map((id) => publicId('crd', id));
        const details = { from: agent.tier, to: tier, reason, grants_suspended: credentials };
        return { action: 'agent.demote', set: { tier }, details };
      },
      'control',
    );
  }
}
