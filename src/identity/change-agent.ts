import { Injectable } from '@nestjs/common';
import { notFound } from '../platform/http/http.errors.js';
import { publicId } from '../platform/ids.js';
import { type Act, Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { type AgentChanges, type AgentRow, findAgentRow, updateAgent } from './agents.repository.js';
import { GrantLimits } from './grant-limits.js';

/** An agent as its tenant sees it. */
export interface SeenAgent {
  readonly agent: AgentRow;
  /** Active grants. */
  readonly granted: number;
}

export interface AgentChange {
  readonly action: `agent.${string}`;
  readonly set: AgentChanges;
  readonly details: Record<string, unknown>;
}

/** How every act on an agent goes: head locked, agent found or 404, the change, its entry, the agent as it is now. */
@Injectable()
export class ChangeAgent {
  constructor(
    private readonly acts: Acts,
    private readonly grants: GrantLimits,
  ) {}

  /** `change` returns null when things are already as they should be: then nothing is written and no entry made. */
  execute(
    principal: Principal,
    agentId: string,
    change: (act: Act, agent: AgentRow) => Promise<AgentChange | null>,
    lane: 'general' | 'control' = 'general',
  ): Promise<SeenAgent> {
    const work = async (act: Act): Promise<SeenAgent> => {
      const agent = await findAgentRow(act.tx, agentId);
      if (agent === undefined) throw notFound();
      const made = await change(act, agent);
      return this.#seen(act, made === null ? agent : await this.#write(act, principal, agent, made));
    };
    return this.acts.run(principal.tenantId, work, lane);
  }

  async #write({ tx, chain, nowMs }: Act, principal: Principal, agent: AgentRow, made: AgentChange): Promise<AgentRow> {
    const updated = await updateAgent(tx, agent.id, made.set, new Date(nowMs));
    const details = { agent: publicId('agt', agent.id), ...made.details };
    await chain.append({ actor: actorOf(principal), action: made.action, outcome: 'success', details });
    return updated;
  }

  async #seen({ tx }: Act, agent: AgentRow): Promise<SeenAgent> {
    const granted = await this.grants.countActive(tx, [agent.id]);
    return { agent, granted: granted.get(agent.id) ?? 0 };
  }
}
