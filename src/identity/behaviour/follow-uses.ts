import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock.js';
import { TenantDatabase } from '../../platform/database/tenant-database.js';
import type { TenantTx } from '../../platform/database/tenant-tx.js';
import { FindAgent, type KnownAgent } from '../find-agent.js';
import { moveCursor, writeObservations } from './behaviour.repository.js';
import { judge } from './judge.js';
import { type Look, lookAtChain } from './look-at-chain.js';
import { RecordFindings } from './record-findings.js';

/** Looks that another node was faster at; it has then seen the same. */
const TRIES = 3;

/**
 * Follows a tenant's chain from where it was left: judges the agents with something new, writes down what is anomalous,
 * demotes who is due, and remembers. In this order: whoever dies in between sees it again, and the acts know themselves.
 */
@Injectable()
export class FollowUses {
  readonly #following = new Map<string, Promise<number>>();

  constructor(
    private readonly database: TenantDatabase,
    private readonly findAgent: FindAgent,
    private readonly recordFindings: RecordFindings,
    private readonly clock: Clock,
  ) {}

  /** Returns by how many entries the chain was longer. Whoever asks during a look of this node waits for that one. */
  execute(tenantId: string): Promise<number> {
    const running = this.#following.get(tenantId);
    if (running !== undefined) return running;
    const following = this.#follow(tenantId).finally(() => this.#following.delete(tenantId));
    this.#following.set(tenantId, following);
    return following;
  }

  async #follow(tenantId: string): Promise<number> {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const nowMs = this.clock.now();
      const { look, agents } = await this.#look(tenantId, nowMs);
      if (look.toSeq === look.fromSeq && agents.length === 0) return 0;
      const judged = agents.flatMap((agent) => {
        const fresh = look.agents.get(agent.id);
        return fresh === undefined
          ? []
          : [{ agent, ...judge(agent, fresh, look.anomalies.get(agent.id) ?? [], nowMs) }];
      });
      await this.recordFindings.execute(
        tenantId,
        judged.flatMap(({ finding }) => (finding === null ? [] : [finding])),
      );
      const due = judged.flatMap(({ dueAtMs }) => (dueAtMs === null ? [] : [dueAtMs]));
      const remember = async (tx: TenantTx): Promise<boolean> => {
        const dueAt = due.length === 0 ? null : new Date(Math.min(...due));
        if (!(await moveCursor(tx, look.fromSeq, look.toSeq, dueAt))) return false;
        await writeObservations(tx, new Map(judged.map(({ agent, observations }) => [agent.id, observations])));
        return true;
      };
      if (await this.database.inTenant(tenantId, remember)) return look.toSeq - look.fromSeq;
    }
    return 0;
  }

  #look(tenantId: string, nowMs: number): Promise<{ look: Look; agents: KnownAgent[] }> {
    return this.database.inTenant(
      tenantId,
      async (tx) => {
        const look = await lookAtChain(tx, nowMs);
        return { look, agents: await this.findAgent.several(tx, [...look.agents.keys()]) };
      },
      { isolation: 'repeatable read', readOnly: true },
    );
  }
}
