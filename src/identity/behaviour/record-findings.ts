import { Injectable } from '@nestjs/common';
import { newUuid, publicId } from '../../platform/ids.js';
import { type Act, Acts } from '../../tenancy/acts.js';
import { findAgentRow } from '../agents.repository.js';
import { BEHAVIOUR_ACTOR, DemoteAutomatically } from './demote-automatically.js';
import { type Finding, unrecorded } from './judge.js';
import { anomaliesOf } from './look-at-chain.js';

/**
 * Writes down what a look found: anomalies, and a demotion that is due. Everything is looked at again under the head's
 * lock, where no other node can be about to write the same.
 */
@Injectable()
export class RecordFindings {
  constructor(
    private readonly acts: Acts,
    private readonly demote: DemoteAutomatically,
  ) {}

  async execute(tenantId: string, findings: readonly Finding[]): Promise<void> {
    if (findings.length === 0) return;
    const lane = findings.some(({ demotes }) => demotes !== null) ? 'control' : 'general';
    const work = async (act: Act): Promise<void> => {
      for (const finding of findings) await this.#record(act, finding);
    };
    await this.acts.run(tenantId, work, lane);
  }

  async #record(act: Act, { agentId, tier, anomalies, demotes }: Finding): Promise<void> {
    const agent = await findAgentRow(act.tx, agentId);
    if (agent === undefined || agent.state === 'revoked') return;
    const recent = (await anomaliesOf(act.tx, [agentId], act.nowMs)).get(agentId) ?? [];
    const fresh = unrecorded(anomalies, recent, act.nowMs);
    for (const { kind, observed, bound } of fresh) {
      const details = { id: publicId('anm', newUuid()), agent: publicId('agt', agentId), kind, observed, bound };
      await act.chain.append({ actor: BEHAVIOUR_ACTOR, action: 'agent.anomaly', outcome: 'success', details });
    }
    if (demotes === null || agent.tier !== tier) return;
    await this.demote.execute(act, agent, demotes, recent.length + fresh.length);
  }
}
