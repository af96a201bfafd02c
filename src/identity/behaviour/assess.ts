import { BEHAVIOUR_WINDOW_CALLS, type BehaviourScore, behaviourScore } from '@chancery/protocol/behaviour.js';
import { type Tier, TIER_RULES, TIERS } from '@chancery/protocol/tiers.js';
import type { ObservedCall } from './observed-use.js';
import { callsPerMinuteCv, countOf, durationsOf, mean } from './statistics.js';
import type { Observations } from './window.js';

/** Between the first look that finds a score too low and the one that demotes. */
export const LOW_FOR_MS = 60_000;
/** Calls at its present tier that an agent is demoted for: fewer are a bad start, not a behaviour. */
export const DEMOTION_CALLS_MIN = 10;

/** A window, and what the formula makes of it. */
export interface Assessment extends BehaviourScore {
  readonly calls: number;
  readonly errors: number;
  readonly denials: number;
  /** Null when there is nothing to compare; it then counts as 0. */
  readonly callsPerMinuteCv: number | null;
  readonly meanLatencyMs: number | null;
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

export function assess(calls: readonly ObservedCall[], anomalies: number, nowMs: number): Assessment {
  const window = calls.slice(-BEHAVIOUR_WINDOW_CALLS);
  const cv = callsPerMinuteCv(window, nowMs);
  const seen = { calls: window.length, errors: countOf(window, 'error'), denials: countOf(window, 'denied') };
  const latency = mean(durationsOf(window));
  return {
    ...behaviourScore({ ...seen, callsPerMinuteCv: cv ?? 0, anomalies }),
    ...seen,
    callsPerMinuteCv: cv,
    meanLatencyMs: latency === null ? null : Math.round(latency),
    fromMs: window[0]?.atMs ?? null,
    toMs: window.at(-1)?.atMs ?? null,
  };
}

/** Whether a score renews no token at this tier. No verdict is a score of 1. */
export const isTooLow = ({ score }: BehaviourScore, tier: Tier): boolean => score < TIER_RULES[tier].renewalScoreMin;

/** The tier below; null for the lowest. */
export function tierBelow(tier: Tier): Tier | null {
  return TIERS[TIERS.indexOf(tier) - 1] ?? null;
}

/**
 * Whether what an agent did at its present tier, taken alone, is too little for it. Calls from before the last change
 * of its tier have had their consequence: without this, one bad hour would carry an agent from the top to the bottom.
 */
export function earnsDemotion({ calls, tierSeq }: Observations, tier: Tier, anomalies: number, nowMs: number): boolean {
  const since = calls.filter(({ seq }) => seq > tierSeq);
  return (
    tierBelow(tier) !== null &&
    since.length >= DEMOTION_CALLS_MIN &&
    isTooLow(assess(calls, anomalies, nowMs), tier) &&
    isTooLow(assess(since, anomalies, nowMs), tier)
  );
}

/** In words, with every number, what took the score down; the worst first. */
export function reasonsFor(assessment: Assessment, tier: Tier, anomalies: number): string[] {
  const { score, components, calls, errors, denials, callsPerMinuteCv: cv } = assessment;
  const lost = [
    { part: components.errors, text: `${errors} of ${calls} calls were errors` },
    { part: components.denials, text: `${denials} of ${calls} calls were denied` },
    { part: components.regularity, text: `calls per minute vary by ${(cv ?? 0).toFixed(2)} of their mean` },
    { part: components.anomalies, text: `${anomalies} anomalies in the last hour` },
  ];
  const worst = lost.filter(({ part }) => part < 1).sort((a, b) => a.part - b.part);
  const minimum = TIER_RULES[tier].renewalScoreMin;
  return [`score ${score}, ${tier} needs ${minimum}`, ...worst.map(({ text }) => text)];
}
