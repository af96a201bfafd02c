import { Injectable } from '@nestjs/common';
import type { SeenAnomaly } from '../../audit/uses-of-agents.js';
import { Clock } from '../../platform/clock.js';
import { TenantDatabase } from '../../platform/database/tenant-database.js';
import type { TenantTx } from '../../platform/database/tenant-tx.js';
import { notFound } from '../../platform/http/http.errors.js';
import type { Principal } from '../../tenancy/principal.js';
import { listSessionRows } from '../agent-sessions.repository.js';
import { type AgentRow, findAgentRow } from '../agents.repository.js';
import { type Assessment, assess } from './assess.js';
import { lookAtChain } from './look-at-chain.js';
import { type Recommendation, recommend } from './recommend.js';

/** An agent's behaviour as its tenant, and it itself, sees it. */
export interface SeenBehaviour {
  readonly agent: AgentRow;
  readonly assessment: Assessment;
  /** Of the last hour, newest first. */
  readonly anomalies: readonly SeenAnomaly[];
  /** Of its newest session. */
  readonly renewalsUsed: number;
  readonly recommendation: Recommendation | null;
}

/** The behaviour of one agent as of the last entry in the chain. Reading it remembers nothing and judges nobody. */
@Injectable()
export class ReadBehaviour {
  constructor(
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
  ) {}

  /** An agent sees its own; another one's is unknown to it (404). */
  async execute(principal: Principal, agentId: string): Promise<SeenBehaviour> {
    if (principal.kind === 'agent' && principal.id !== agentId) throw notFound();
    const nowMs = this.clock.now();
    const read = (tx: TenantTx): Promise<SeenBehaviour> => this.#read(tx, agentId, nowMs);
    return this.database.inTenant(principal.tenantId, read, { isolation: 'repeatable read', readOnly: true });
  }

  async #read(tx: TenantTx, agentId: string, nowMs: number): Promise<SeenBehaviour> {
    const agent = await findAgentRow(tx, agentId);
    if (agent === undefined) throw notFound();
    const look = await lookAtChain(tx, nowMs, agentId);
    const anomalies = look.anomalies.get(agentId) ?? [];
    const { calls = [], tierSinceMs = null, tierCalls = 0 } = look.agents.get(agentId)?.observations ?? {};
    const [newest] = await listSessionRows(tx, agentId, undefined, 1);
    const assessment = assess(calls, anomalies.length, nowMs);
    const standing = {
      tier: agent.tier,
      sinceMs: tierSinceMs ?? agent.createdAt.getTime(),
      calls: tierCalls,
      anomalies: anomalies.length,
    };
    return {
      agent,
      assessment,
      anomalies,
      renewalsUsed: newest?.renewalsUsed ?? 0,
      recommendation: agent.state === 'active' ? recommend(standing, assessment, nowMs) : null,
    };
  }
}
