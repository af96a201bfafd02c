import { BEHAVIOUR_WINDOW_CALLS } from '@chancery/protocol/behaviour.js';
import type { SeenEntry } from '../../audit/uses-of-agents.js';
import { kindOfOutcome, type ObservedCall } from './observed-use.js';

/** Minutes with calls that are remembered as what is usual. */
export const MINUTES_MAX = 60;

export type MinuteCount = readonly [minute: number, calls: number];

/** What is remembered of an agent, made from the chain and nothing else. */
export interface Observations {
  /** The last 100 calls, oldest first. */
  readonly calls: readonly ObservedCall[];
  /** The last 60 minutes in which it called, oldest first. */
  readonly minutes: readonly MinuteCount[];
  /** Where the chain last changed its tier; 0 for never. */
  readonly tierSeq: number;
  /** When; null for never. */
  readonly tierSinceMs: number | null;
  /** Calls since then. */
  readonly tierCalls: number;
  /** Since when its score has been too low for its tier; null when it is not. */
  readonly lowSinceMs: number | null;
}

export const NOTHING_SEEN: Observations = {
  calls: [],
  minutes: [],
  tierSeq: 0,
  tierSinceMs: null,
  tierCalls: 0,
  lowSinceMs: null,
};

/** What was new: only that can be an anomaly. */
export interface Fresh {
  readonly observations: Observations;
  readonly calls: number;
  /** Calls whose outcome became known. */
  readonly completed: readonly ObservedCall[];
  /** Minutes that calls were added to. */
  readonly minutes: readonly number[];
  readonly redactions: number;
}

const TIER_CHANGES = new Set(['agent.promote', 'agent.demote', 'agent.demoted']);

/** Takes in what a range of the chain says of one agent: its entries, oldest first, and how often it called in which minute. */
export function takeIn(known: Observations, entries: readonly SeenEntry[], counts: readonly MinuteCount[]): Fresh {
  const calls = new Map(known.calls.map((call) => [call.seq, call]));
  const completed: ObservedCall[] = [];
  let { tierSeq, tierSinceMs, lowSinceMs } = known;
  let redactions = 0;
  for (const entry of entries) {
    const { seq, atMs, action, outcome, durationMs } = entry;
    if (action === 'credential.use') {
      calls.set(seq, { seq, atMs, kind: outcome === 'denied' ? 'denied' : 'open', durationMs: null });
    } else if (action === 'credential.redacted') redactions += 1;
    else if (TIER_CHANGES.has(action)) [tierSeq, tierSinceMs, lowSinceMs] = [seq, atMs, null];
    else {
      const intent = calls.get(entry.intent ?? -1);
      if (intent === undefined) continue;
      const call = { ...intent, kind: kindOfOutcome(entry), durationMs };
      calls.set(call.seq, call);
      completed.push(call);
    }
  }
  const added = counts.reduce((sum, [, count]) => sum + count, 0);
  const newest = [...calls.values()].slice(-BEHAVIOUR_WINDOW_CALLS);
  const restarted = tierSeq !== known.tierSeq;
  // In the range that holds the change, those behind it are counted as far as the window shows them.
  const tierCalls = restarted ? newest.filter(({ seq }) => seq > tierSeq).length : known.tierCalls + added;
  const minutes = addMinutes(known.minutes, counts);
  return {
    observations: { calls: newest, minutes, tierSeq, tierSinceMs, tierCalls, lowSinceMs },
    calls: added,
    completed,
    minutes: counts.map(([minute]) => minute),
    redactions,
  };
}

function addMinutes(known: readonly MinuteCount[], added: readonly MinuteCount[]): readonly MinuteCount[] {
  const counts = new Map(known);
  for (const [minute, calls] of added) counts.set(minute, (counts.get(minute) ?? 0) + calls);
  return [...counts].sort(([a], [b]) => a - b).slice(-MINUTES_MAX);
}
