import { ANOMALY_BOUNDS, BEHAVIOUR_CALLS_MIN } from '@chancery/protocol/behaviour.js';
import type { ObservedCall } from './observed-use.js';
import { countOf, durationsOf, mean } from './statistics.js';
import type { Fresh } from './window.js';

export const ANOMALY_KINDS = ['error_rate', 'denial_rate', 'call_rate', 'latency', 'redaction'] as const;
export type AnomalyKind = (typeof ANOMALY_KINDS)[number];
/** One of a kind and agent is recorded at most this often. */
export const ANOMALY_EVERY_MS = 10 * 60_000;
/** How far back a score counts them. */
export const ANOMALIES_COUNT_FOR_MS = 60 * 60_000;

/** A mean needs this many minutes, or calls, beside the one that is held against it. */
const SAMPLES_MIN = 3;
/** Fewer calls in a minute are no burst, whatever is usual. */
const BURST_CALLS_MIN = 10;
/** A call that took less was not slow, whatever is usual: this much is a pause of the garbage collection or a busy disk. */
const SLOW_MS_MIN = 250;

/** What was seen, and what it went over. Texts with their unit, since the chain holds no fractions. */
export interface Anomaly {
  readonly kind: AnomalyKind;
  readonly observed: string;
  readonly bound: string;
}

/** What is anomalous about what was new. An agent that does nothing makes no anomalies. */
export function findAnomalies(fresh: Fresh): Anomaly[] {
  if (fresh.calls === 0 && fresh.completed.length === 0 && fresh.redactions === 0) return [];
  const { calls } = fresh.observations;
  const found = [
    shareOver(calls, 'error', ANOMALY_BOUNDS.errorRate),
    shareOver(calls, 'denied', ANOMALY_BOUNDS.denialRate),
    burst(fresh),
    slow(fresh),
    fresh.redactions === 0 ? null : { kind: 'redaction' as const, observed: String(fresh.redactions), bound: '0' },
  ];
  return found.filter((anomaly) => anomaly !== null);
}

function shareOver(calls: readonly ObservedCall[], kind: 'error' | 'denied', bound: number): Anomaly | null {
  const share = countOf(calls, kind) / calls.length;
  if (calls.length < BEHAVIOUR_CALLS_MIN || !(share > bound)) return null;
  const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;
  return { kind: kind === 'error' ? 'error_rate' : 'denial_rate', observed: percent(share), bound: percent(bound) };
}

/** A minute with more calls than three times the mean of the minutes before it in which the agent called. */
function burst({ observations, minutes }: Fresh): Anomaly | null {
  for (const minute of minutes) {
    const calls = observations.minutes.find(([at]) => at === minute)?.[1] ?? 0;
    const before = observations.minutes.filter(([at]) => at < minute).map(([, count]) => count);
    const usual = mean(before);
    if (usual === null || before.length < SAMPLES_MIN || calls < BURST_CALLS_MIN) continue;
    const bound = usual * ANOMALY_BOUNDS.rateInMeans;
    if (calls > bound) {
      return { kind: 'call_rate', observed: `${calls} per minute`, bound: `${bound.toFixed(1)} per minute` };
    }
  }
  return null;
}

/** A call that took more than five times the mean of the others in the window. */
function slow({ observations, completed }: Fresh): Anomaly | null {
  const slowest = completed.reduce<ObservedCall | null>(
    (worst, call) => ((call.durationMs ?? 0) > (worst?.durationMs ?? 0) ? call : worst),
    null,
  );
  const took = slowest?.durationMs ?? 0;
  const others = durationsOf(observations.calls.filter(({ seq }) => seq !== slowest?.seq));
  const usual = mean(others);
  if (usual === null || others.length < SAMPLES_MIN || took < SLOW_MS_MIN) return null;
  const bound = usual * ANOMALY_BOUNDS.latencyInMeans;
  return took > bound ? { kind: 'latency', observed: `${took} ms`, bound: `${bound.toFixed(1)} ms` } : null;
}
