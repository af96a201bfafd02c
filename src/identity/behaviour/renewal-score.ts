import { Injectable } from '@nestjs/common';
import { TIER_RULES } from '@chancery/protocol/tiers.js';
import { publicId } from '../../platform/ids.js';
import type { Act } from '../../tenancy/acts.js';
import type { AgentRow } from '../agents.repository.js';
import { assess, isTooLow } from './assess.js';
import { DemoteAutomatically } from './demote-automatically.js';
import { lookAtChain } from './look-at-chain.js';

/** Whether an agent's behaviour lets its session be renewed (protocol 6): everything in the chain counts, to the last entry. */
@Injectable()
export class RenewalScore {
  constructor(private readonly demote: DemoteAutomatically) {}

  /**
   * Null when it may be renewed. Otherwise the refusal is written down, the agent goes down a tier if what it did at
   * this one has earned it, and the answer says why.
   */
  async refusal(act: Act, agent: AgentRow, sessionId: string): Promise<string | null> {
    const { agents, anomalies } = await lookAtChain(act.tx, act.nowMs, agent.id);
    const seen = agents.get(agent.id)?.observations;
    if (seen === undefined) return null;
    const count = anomalies.get(agent.id)?.length ?? 0;
    const assessment = assess(seen.calls, count, act.nowMs);
    if (!isTooLow(assessment, agent.tier)) return null;
    const { renewalScoreMin } = TIER_RULES[agent.tier];
    const name = publicId('agt', agent.id);
    const details = {
      agent: name,
      session: publicId('ses', sessionId),
      tier: agent.tier,
      score: String(assessment.score),
      minimum_score: String(renewalScoreMin),
    };
    await act.chain.append({ actor: `agent:${name}`, action: 'session.renew', outcome: 'denied', details });
    const tier = await this.demote.execute(act, agent, seen, count);
    const demoted = tier === agent.tier ? '' : ` The agent is ${tier} from now on.`;
    return `The behaviour score of this agent is ${assessment.score}, and ${agent.tier} renews from ${renewalScoreMin} on.${demoted} Begin a new session with a new DPoP key.`;
  }
}
