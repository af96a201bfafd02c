import { and, eq, inArray, isNotNull, or, sql } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { TenantTx } from '../../platform/database/tenant-tx.js';
import { agentBehaviour, behaviourCursors } from './behaviour.table.js';
import type { Observations } from './window.js';

const LOW_MAX = 500;

/** How far the tenant's chain was followed; 0 when nobody has begun. */
export async function readCursor(tx: TenantTx): Promise<number> {
  const [row] = await tx.db
    .select({ seq: behaviourCursors.seq })
    .from(behaviourCursors)
    .where(eq(behaviourCursors.tenantId, tx.tenantId));
  return row?.seq ?? 0;
}

/** Moves the cursor, if it is still where the look began: of two nodes that looked, one remembers. */
export async function moveCursor(tx: TenantTx, from: number, to: number, dueAt: Date | null): Promise<boolean> {
  if (from === 0) {
    const made = await tx.db
      .insert(behaviourCursors)
      .values({ tenantId: tx.tenantId, seq: to, dueAt })
      .onConflictDoNothing()
      .returning({ seq: behaviourCursors.seq });
    return made.length === 1;
  }
  const moved = await tx.db
    .update(behaviourCursors)
    .set({ seq: to, dueAt })
    .where(and(eq(behaviourCursors.tenantId, tx.tenantId), eq(behaviourCursors.seq, from)))
    .returning({ seq: behaviourCursors.seq });
  return moved.length === 1;
}

/** What is remembered of some agents; of those whose score was too low, too, when `andLow` asks for them. */
export async function readObservations(
  tx: TenantTx,
  agentIds: readonly string[],
  andLow: boolean,
): Promise<Map<string, Observations>> {
  const named = agentIds.length === 0 ? undefined : inArray(agentBehaviour.agentId, [...agentIds]);
  const which = andLow ? or(named, isNotNull(agentBehaviour.lowSince)) : named;
  if (which === undefined) return new Map();
  const rows = await tx.db
    .select()
    .from(agentBehaviour)
    .where(and(eq(agentBehaviour.tenantId, tx.tenantId), which))
    .limit(agentIds.length + LOW_MAX);
  return new Map(
    rows.map((row) => [
      row.agentId,
      {
        calls: row.calls.map(([seq, atMs, kind, durationMs]) => ({ seq, atMs, kind, durationMs })),
        minutes: row.minutes,
        tierSeq: row.tierSeq,
        tierSinceMs: row.tierSince?.getTime() ?? null,
        tierCalls: row.tierCalls,
        lowSinceMs: row.lowSince?.getTime() ?? null,
      },
    ]),
  );
}

export async function writeObservations(tx: TenantTx, seen: ReadonlyMap<string, Observations>): Promise<void> {
  if (seen.size === 0) return;
  const time = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));
  const rows = [...seen].map(([agentId, known]) => ({
    tenantId: tx.tenantId,
    agentId,
    calls: known.calls.map(({ seq, atMs, kind, durationMs }) => [seq, atMs, kind, durationMs] as const),
    minutes: known.minutes,
    tierSeq: known.tierSeq,
    tierSince: time(known.tierSinceMs),
    tierCalls: known.tierCalls,
    lowSince: time(known.lowSinceMs),
  }));
  const excluded = (column: string) => sql.raw(`excluded.${column}`);
  await tx.db
    .insert(agentBehaviour)
    .values(rows)
    .onConflictDoUpdate({
      target: [agentBehaviour.tenantId, agentBehaviour.agentId],
      set: {
        calls: excluded('calls'),
        minutes: excluded('minutes'),
        tierSeq: excluded('tier_seq'),
        tierSince: excluded('tier_since'),
        tierCalls: excluded('tier_calls'),
        lowSince: excluded('low_since'),
      },
    });
}

export interface Followed {
  readonly tenantId: string;
  readonly seq: number;
  readonly dueAt: Date | null;
}

/** How far the chains of some tenants were followed, as the scheduler's login sees it. */
export async function readCursorsOf(scheduler: NodePgDatabase, tenantIds: readonly string[]): Promise<Followed[]> {
  if (tenantIds.length === 0) return [];
  return scheduler
    .select()
    .from(behaviourCursors)
    .where(inArray(behaviourCursors.tenantId, [...tenantIds]));
}
