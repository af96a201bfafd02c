import { and, asc, eq, gt } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { agents } from './agents.table.js';

export type AgentRow = typeof agents.$inferSelect;
export type AgentChanges = Partial<Pick<AgentRow, 'tier' | 'state' | 'apiKeyId' | 'apiKeyHash' | 'keyHolders'>>;

export async function insertAgent(tx: TenantTx, row: Omit<AgentRow, 'tenantId'>): Promise<AgentRow> {
  const [stored] = await tx.db
    .insert(agents)
    .values({ ...row, tenantId: tx.tenantId })
    .returning();
  return stored as AgentRow;
}

export async function findAgentRow(tx: TenantTx, id: string): Promise<AgentRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(agents)
    .where(and(eq(agents.tenantId, tx.tenantId), eq(agents.id, id)));
  return row;
}

export async function listAgentRows(tx: TenantTx, afterId: string | undefined, limit: number): Promise<AgentRow[]> {
  const after = afterId === undefined ? undefined : gt(agents.id, afterId);
  return tx.db
    .select()
    .from(agents)
    .where(and(eq(agents.tenantId, tx.tenantId), after))
    .orderBy(asc(agents.id))
    .limit(limit);
}

export async function updateAgent(tx: TenantTx, id: string, changes: AgentChanges, updatedAt: Date): Promise<AgentRow> {
  const [row] = await tx.db
    .update(agents)
    .set({ ...changes, updatedAt })
    .where(and(eq(agents.tenantId, tx.tenantId), eq(agents.id, id)))
    .returning();
  if (row === undefined) throw new Error('the agent was there a statement ago');
  return row;
}
