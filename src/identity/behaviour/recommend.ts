import { type Tier, TIERS } from '@chancery/protocol/tiers.js';
import { type Assessment, isTooLow, reasonsFor, tierBelow } from './assess.js';

const DAY_MS = 24 * 60 * 60_000;

/** What a recommendation to raise an agent into a tier asks for: calls and days at the tier below, and its score. */
export const PROMOTION_ASKS: Readonly<Partial<Record<Tier, { calls: number; days: number; score: number }>>> = {
  COMPANION: { calls: 100, days: 1, score: 0.95 },
  PARTNER: { calls: 1_000, days: 7, score: 0.95 },
  GUARDIAN: { calls: 10_000, days: 30, score: 0.95 },
  SACRED: { calls: 100_000, days: 90, score: 0.98 },
};

export interface Recommendation {
  readonly move: 'promote' | 'demote';
  readonly tier: Tier;
  readonly reasons: readonly string[];
}

export interface Standing {
  readonly tier: Tier;
  /** When it came to this tier. */
  readonly sinceMs: number;
  /** Calls since then. */
  readonly calls: number;
  /** In the last hour. */
  readonly anomalies: number;
}

/** What the server would do if it were for it to say. Only a person promotes. */
export function recommend(standing: Standing, assessment: Assessment, nowMs: number): Recommendation | null {
  const { tier, calls, anomalies } = standing;
  if (!assessment.verdict) return null;
  const below = tierBelow(tier);
  if (isTooLow(assessment, tier)) {
    return below === null ? null : { move: 'demote', tier: below, reasons: reasonsFor(assessment, tier, anomalies) };
  }
  const above = TIERS[TIERS.indexOf(tier) + 1];
  const asks = above === undefined ? undefined : PROMOTION_ASKS[above];
  if (above === undefined || asks === undefined) return null;
  const days = Math.floor((nowMs - standing.sinceMs) / DAY_MS);
  if (calls < asks.calls || days < asks.days || assessment.score < asks.score) return null;
  const reasons = [
    `${calls} calls as ${tier}, ${asks.calls} are asked for`,
    `${days} days as ${tier}, ${asks.days} are asked for`,
    `score ${assessment.score}, ${asks.score} is asked for`,
  ];
  return { move: 'promote', tier: above, reasons };
}
