import type { Tier } from '@chancery/protocol/tiers.js';
import type { KnownAgent } from '../find-agent.js';
import { ANOMALY_EVERY_MS, type Anomaly, findAnomalies } from './anomalies.js';
import { assess, earnsDemotion, isTooLow, LOW_FOR_MS } from './assess.js';
import type { Fresh, Observations } from './window.js';

/** What must be written down of an agent after a look. */
export interface Finding {
  readonly agentId: string;
  readonly tier: Tier;
  readonly anomalies: readonly Anomaly[];
  /** Its observations, when it has been too low for its tier for long enough. */
  readonly demotes: Observations | null;
}

export interface Judged {
  readonly observations: Observations;
  readonly finding: Finding | null;
  /** When to look again though nothing happens. */
  readonly dueAtMs: number | null;
}

/** The anomalies that are not in the chain already, one of a kind in ten minutes. */
export function unrecorded(
  found: readonly Anomaly[],
  recent: readonly { readonly kind: string; readonly atMs: number }[],
  nowMs: number,
): Anomaly[] {
  return found.filter(({ kind }) => !recent.some((one) => one.kind === kind && one.atMs > nowMs - ANOMALY_EVERY_MS));
}

/** What a look says of one agent: its anomalies, since when its score is too low, and whether that has gone on for long. */
export function judge(
  agent: KnownAgent,
  fresh: Fresh,
  recent: readonly { readonly kind: string; readonly atMs: number }[],
  nowMs: number,
): Judged {
  const anomalies = unrecorded(findAnomalies(fresh), recent, nowMs);
  const count = recent.length + anomalies.length;
  const seen = fresh.observations;
  const low = isTooLow(assess(seen.calls, count, nowMs), agent.tier);
  const observations = { ...seen, lowSinceMs: low ? (seen.lowSinceMs ?? nowMs) : null };
  const earned = agent.state === 'active' && earnsDemotion(observations, agent.tier, count, nowMs);
  const dueAtMs = earned && observations.lowSinceMs !== null ? observations.lowSinceMs + LOW_FOR_MS : null;
  const demotes = dueAtMs !== null && dueAtMs <= nowMs ? observations : null;
  const finding =
    anomalies.length === 0 && demotes === null ? null : { agentId: agent.id, tier: agent.tier, anomalies, demotes };
  return { observations, finding, dueAtMs };
}
