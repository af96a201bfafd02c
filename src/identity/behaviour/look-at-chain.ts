import {
  type CallsInMinute,
  countCalls,
  readLastSeq,
  readAnomalies,
  readSeenEntries,
  type SeenAnomaly,
  type SeenEntry,
} from '../../audit/uses-of-agents.js';
import type { TenantTx } from '../../platform/database/tenant-tx.js';
import { publicId, storedId } from '../../platform/ids.js';
import { ANOMALIES_COUNT_FOR_MS } from './anomalies.js';
import { readCursor, readObservations } from './behaviour.repository.js';
import { UNCOUNTED_DENIALS } from './observed-use.js';
import { type Fresh, type MinuteCount, NOTHING_SEEN, takeIn } from './window.js';

/** Entries one look reads. In a flood that leaves more than these behind, only the newest are looked at. */
export const LOOK_ENTRIES_MAX = 20_000;

/** What one look at a tenant's chain found. Nothing of it is remembered yet. */
export interface Look {
  readonly fromSeq: number;
  readonly toSeq: number;
  /** By agent id: those with something new, and those whose score was too low. */
  readonly agents: ReadonlyMap<string, Fresh>;
  /** Of these, in the last hour, newest first. By agent id. */
  readonly anomalies: ReadonlyMap<string, readonly SeenAnomaly[]>;
}

/** Reads what the chain says since the last look, of every agent in it or of `onlyAgent`. */
export async function lookAtChain(tx: TenantTx, nowMs: number, onlyAgent?: string): Promise<Look> {
  const fromSeq = await readCursor(tx);
  const toSeq = await readLastSeq(tx);
  const range = { firstSeq: Math.max(fromSeq, toSeq - LOOK_ENTRIES_MAX) + 1, lastSeq: toSeq };
  const isNew = range.firstSeq <= range.lastSeq;
  const entries = isNew ? await readSeenEntries(tx, range, UNCOUNTED_DENIALS) : [];
  const counts = isNew ? await countCalls(tx, range, UNCOUNTED_DENIALS) : [];
  const entriesOf = byAgent(entries);
  const countsOf = minutesByAgent(counts);
  const named = onlyAgent === undefined ? [...new Set([...entriesOf.keys(), ...countsOf.keys()])] : [onlyAgent];
  const known = await readObservations(tx, named, onlyAgent === undefined);
  const ids = [...new Set([...named, ...known.keys()])];
  const agents = new Map(
    ids.map((id) => [id, takeIn(known.get(id) ?? NOTHING_SEEN, entriesOf.get(id) ?? [], countsOf.get(id) ?? [])]),
  );
  return { fromSeq, toSeq, agents, anomalies: await anomaliesOf(tx, ids, nowMs) };
}

/** The anomalies of some agents in the last hour, newest first. */
export async function anomaliesOf(
  tx: TenantTx,
  agentIds: readonly string[],
  nowMs: number,
): Promise<Map<string, SeenAnomaly[]>> {
  const since = new Date(nowMs - ANOMALIES_COUNT_FOR_MS);
  const names = agentIds.map((id) => publicId('agt', id));
  const found = await readAnomalies(tx, names, since);
  return new Map(agentIds.map((id, i) => [id, found.filter(({ agent }) => agent === names[i])]));
}

/** Whom an entry is about: the agent it names, or the agent that acted. */
function agentOf({ actor, agent }: Pick<SeenEntry, 'actor' | 'agent'>): string | undefined {
  const name = agent ?? (actor.startsWith('agent:') ? actor.slice('agent:'.length) : '');
  return storedId('agt', name);
}

function byAgent(entries: readonly SeenEntry[]): Map<string, SeenEntry[]> {
  const found = new Map<string, SeenEntry[]>();
  for (const entry of entries) {
    const id = agentOf(entry);
    if (id === undefined) continue;
    const own = found.get(id);
    if (own === undefined) found.set(id, [entry]);
    else own.push(entry);
  }
  return found;
}

function minutesByAgent(counts: readonly CallsInMinute[]): Map<string, MinuteCount[]> {
  const found = new Map<string, MinuteCount[]>();
  for (const { actor, minute, calls } of counts) {
    const id = agentOf({ actor, agent: null });
    if (id !== undefined) found.set(id, [...(found.get(id) ?? []), [minute, calls]]);
  }
  return found;
}
