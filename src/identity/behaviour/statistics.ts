import { BEHAVIOUR_WINDOW_CALLS } from '@chancery/protocol/behaviour.js';
import type { ObservedCall } from './observed-use.js';

const MINUTE_MS = 60_000;

export const minuteOf = (atMs: number): number => Math.floor(atMs / MINUTE_MS);

export function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The coefficient of variation of the calls per minute, over the minutes that were seen whole: not the one that still
 * runs, and not the one a full window begins in. A minute without a call is no sample: an agent that works when there is
 * work is not irregular for resting. Null with fewer than two such minutes, when there is nothing to compare.
 */
export function callsPerMinuteCv(calls: readonly ObservedCall[], nowMs: number): number | null {
  const counts = new Map<number, number>();
  for (const { atMs } of calls) counts.set(minuteOf(atMs), (counts.get(minuteOf(atMs)) ?? 0) + 1);
  counts.delete(minuteOf(nowMs));
  const [first] = calls;
  if (first !== undefined && calls.length >= BEHAVIOUR_WINDOW_CALLS) counts.delete(minuteOf(first.atMs));
  const samples = [...counts.values()];
  const average = mean(samples);
  if (average === null || samples.length < 2) return null;
  const variance = samples.reduce((sum, value) => sum + (value - average) ** 2, 0) / samples.length;
  return Math.sqrt(variance) / average;
}

export function durationsOf(calls: readonly ObservedCall[]): number[] {
  return calls.flatMap(({ durationMs }) => (durationMs === null ? [] : [durationMs]));
}

export function countOf(calls: readonly ObservedCall[], kind: ObservedCall['kind']): number {
  return calls.filter((call) => call.kind === kind).length;
}
