import { Injectable } from '@nestjs/common';
import { TIER_RULES } from '@chancery/protocol/tiers.js';
import { publicId } from '../../platform/ids.js';
import type { Act } from '../../tenancy/acts.js';
import { type AgentRow, updateAgent } from '../agents.repository.js';
import { GrantLimits } from '../grant-limits.js';
import { assess, earnsDemotion, reasonsFor, tierBelow } from './assess.js';
import type { Observations } from './window.js';

/** The actor of what the server does because of what it saw. */
export const BEHAVIOUR_ACTOR = 'system:behaviour';

/**
 * Takes an agent down one tier for its behaviour, within an act that holds the head's lock. As with a person's demotion
 * the newest grants above the new tier's number are suspended, and the trigger on the agents' table tells every node,
 * which cuts what may not go on. Only people promote.
 */
@Injectable()
export class DemoteAutomatically {
  constructor(private readonly grants: GrantLimits) {}

  /** Looks once more whether the agent, as it is now, has earned it. Returns its tier from now on. */
  async execute({ tx, chain, nowMs }: Act, agent: AgentRow, seen: Observations, anomalies: number) {
    const to = tierBelow(agent.tier);
    if (to === null || agent.state !== 'active') return agent.tier;
    if (!earnsDemotion(seen, agent.tier, anomalies, nowMs)) return agent.tier;
    const { credentialsLimit } = TIER_RULES[to];
    const suspended = credentialsLimit === null ? [] : await this.grants.suspendAbove(tx, agent.id, credentialsLimit);
    await updateAgent(tx, agent.id, { tier: to }, new Date(nowMs));
    const assessment = assess(seen.calls, anomalies, nowMs);
    const details = {
      agent: publicId('agt', agent.id),
      from: agent.tier,
      to,
      automatic: true,
      score: String(assessment.score),
      reasons: reasonsFor(assessment, agent.tier, anomalies),
      grants_suspended: suspended.map((id) => publicId('crd', id)),
    };
    await chain.append({ actor: BEHAVIOUR_ACTOR, action: 'agent.demoted', outcome: 'success', details });
    return to;
  }
}
