import { isTier, type Tier } from '@chancery/protocol/tiers.js';
import { and, eq, gt } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { agents, agentSessions } from './agents.table.js';
import { hasToken } from './session-rules.js';

export interface AgentPolicy {
  readonly tier: Tier;
  readonly state: 'active' | 'suspended' | 'revoked';
}

export interface SessionPolicy {
  readonly agentId: string;
  /** `active` from the first token on, also while a renewal waits for a person. */
  readonly state: 'pending' | 'active';
  readonly expiresAtMs: number;
  readonly revoked: boolean;
}

/** What a decision reads of agents and their sessions. */
export interface IdentityPolicy {
  readonly agents: ReadonlyMap<string, AgentPolicy>;
  /** Only those that had not expired when this was loaded. */
  readonly sessions: ReadonlyMap<string, SessionPolicy>;
}

/** Read inside the snapshot that also read the chain's head, so that both belong together. */
export async function loadIdentityPolicy(tx: TenantTx, now: Date = new Date()): Promise<IdentityPolicy> {
  const agentRows = await tx.db
    .select({ id: agents.id, tier: agents.tier, state: agents.state })
    .from(agents)
    .where(eq(agents.tenantId, tx.tenantId));
  const sessionRows = await tx.db
    .select()
    .from(agentSessions)
    .where(and(eq(agentSessions.tenantId, tx.tenantId), gt(agentSessions.expiresAt, now)));
  const sessions = sessionRows.map((row): [string, SessionPolicy] => [
    row.id,
    {
      agentId: row.agentId,
      state: hasToken(row) ? 'active' : 'pending',
      expiresAtMs: row.expiresAt.getTime(),
      revoked: row.revokedAt !== null,
    },
  ]);
  return {
    agents: new Map(agentRows.map(({ id, tier, state }) => [id, { tier: known(tier), state }])),
    sessions: new Map(sessions),
  };
}

function known(tier: string): Tier {
  if (!isTier(tier)) throw new Error(`an agent of the unknown tier ${tier}`);
  return tier;
}
