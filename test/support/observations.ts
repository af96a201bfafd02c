import type { SeenEntry } from '../../src/audit/uses-of-agents.js';
import type { CallKind, ObservedCall } from '../../src/identity/behaviour/observed-use.js';
import { type Fresh, NOTHING_SEEN, type Observations } from '../../src/identity/behaviour/window.js';

export const NOW = Date.UTC(2026, 10, 22, 12, 0, 30);
export const MINUTE = 60_000;

export const call = (seq: number, more: Partial<ObservedCall> = {}): ObservedCall => ({
  seq,
  atMs: NOW - 10 * MINUTE,
  kind: 'fine',
  durationMs: 100,
  ...more,
});

/** Calls of the given kinds, one after the other. */
export const calls = (kinds: Partial<Record<CallKind, number>>, firstSeq = 1): ObservedCall[] =>
  Object.entries(kinds)
    .flatMap(([kind, count]) => Array.from({ length: count }, () => kind as CallKind))
    .map((kind, i) => call(firstSeq + i, { kind, durationMs: kind === 'denied' ? null : 100 }));

export const seen = (more: Partial<Observations> = {}): Observations => ({ ...NOTHING_SEEN, ...more });

export const fresh = (more: Partial<Fresh> = {}): Fresh => ({
  observations: NOTHING_SEEN,
  calls: 1,
  completed: [],
  minutes: [],
  redactions: 0,
  ...more,
});

export const entry = (seq: number, action: string, outcome: string, more: Partial<SeenEntry> = {}): SeenEntry => ({
  seq,
  atMs: NOW,
  actor: 'agent:agt_0192f0c1a2b37c4d8e9f001122334455',
  action,
  outcome,
  code: null,
  status: null,
  durationMs: null,
  intent: null,
  agent: null,
  ...more,
});
