import { and, desc, eq, gt, isNull, lt } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { agentSessions } from './agents.table.js';

export type SessionRow = typeof agentSessions.$inferSelect;
export type SessionChanges = Partial<
  Pick<SessionRow, 'state' | 'tier' | 'renewalsUsed' | 'expiresAt' | 'approvedBy' | 'revokedAt' | 'revokedReason'>
>;
type NewSession = Pick<SessionRow, 'id' | 'agentId' | 'jkt' | 'state' | 'tier' | 'createdAt' | 'expiresAt'>;

const inTenant = (tx: TenantTx) => eq(agentSessions.tenantId, tx.tenantId);

export async function insertSession(tx: TenantTx, row: NewSession): Promise<SessionRow> {
  const [stored] = await tx.db
    .insert(agentSessions)
    .values({ ...row, tenantId: tx.tenantId })
    .returning();
  return stored as SessionRow;
}

export async function findSession(tx: TenantTx, id: string): Promise<SessionRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(agentSessions)
    .where(and(inTenant(tx), eq(agentSessions.id, id)));
  return row;
}

export async function findSessionByKey(tx: TenantTx, agentId: string, jkt: string): Promise<SessionRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(agentSessions)
    .where(and(inTenant(tx), eq(agentSessions.agentId, agentId), eq(agentSessions.jkt, jkt)));
  return row;
}

/** Newest first. */
export async function listSessionRows(
  tx: TenantTx,
  agentId: string,
  beforeId: string | undefined,
  limit: number,
): Promise<SessionRow[]> {
  const before = beforeId === undefined ? undefined : lt(agentSessions.id, beforeId);
  return tx.db
    .select()
    .from(agentSessions)
    .where(and(inTenant(tx), eq(agentSessions.agentId, agentId), before))
    .orderBy(desc(agentSessions.id))
    .limit(limit);
}

export async function countLiveSessions(tx: TenantTx, agentId: string, now: Date): Promise<number> {
  const live = and(isNull(agentSessions.revokedAt), gt(agentSessions.expiresAt, now));
  return tx.db.$count(agentSessions, and(inTenant(tx), eq(agentSessions.agentId, agentId), live));
}

export async function updateSession(tx: TenantTx, id: string, changes: SessionChanges): Promise<SessionRow> {
  const [row] = await tx.db
    .update(agentSessions)
    .set(changes)
    .where(and(inTenant(tx), eq(agentSessions.id, id)))
    .returning();
  if (row === undefined) throw new Error('the session was there a statement ago');
  return row;
}

/** Ends every session of an agent, those too that have expired and could still be renewed. Returns how many. */
export async function endSessionsOf(tx: TenantTx, agentId: string, at: Date, reason: string): Promise<number> {
  const ended = await tx.db
    .update(agentSessions)
    .set({ revokedAt: at, revokedReason: reason })
    .where(and(inTenant(tx), eq(agentSessions.agentId, agentId), isNull(agentSessions.revokedAt)))
    .returning({ id: agentSessions.id });
  return ended.length;
}
