import { BEHAVIOUR_WEIGHTS } from '@chancery/protocol/behaviour.js';
import { TIER_RULES, TIERS } from '@chancery/protocol/tiers.js';
import { z } from 'zod';
import { iso, timeView } from '../../platform/http/fields.js';
import { ANOMALY_KINDS } from './anomalies.js';
import { isTooLow } from './assess.js';
import type { SeenBehaviour } from './read-behaviour.js';

const componentView = z.object({ weight: z.number(), value: z.number() });

export const behaviourView = z.object({
  score: z
    .number()
    .nullable()
    .meta({ description: '0 to 1; null with fewer than three calls, which then count as 1.', example: 0.9412 }),
  verdict: z.enum(['none', 'good', 'too_low']).meta({ description: 'Whether its tier renews tokens at this score.' }),
  tier: z.enum(TIERS),
  window: z.object({
    calls: z.int().meta({ description: 'Of the last 100.' }),
    errors: z.int(),
    denials: z.int(),
    calls_per_minute_cv: z.number().nullable().meta({ description: 'Null when there are no two whole minutes yet.' }),
    mean_latency_ms: z.int().nullable(),
    from: timeView.nullable(),
    to: timeView.nullable(),
  }),
  components: z.object({
    errors: componentView,
    denials: componentView,
    regularity: componentView,
    anomalies: componentView,
  }),
  anomalies: z
    .array(
      z.object({
        kind: z.enum(ANOMALY_KINDS),
        observed: z.string(),
        bound: z.string(),
        at: timeView,
        seq: z.int().meta({ description: 'Position in the tenant’s audit chain.' }),
      }),
    )
    .meta({ description: 'Of the last hour, newest first.' }),
  renewals: z.object({
    used: z.int().meta({ description: 'By the newest session.' }),
    limit: z.int(),
    minimum_score: z.number(),
  }),
  recommendation: z
    .object({ action: z.enum(['promote', 'demote']), tier: z.enum(TIERS), reasons: z.array(z.string()) })
    .nullable()
    .meta({ description: 'What the server would do; only a person promotes.' }),
});

export function viewBehaviour({ agent, assessment, anomalies, renewalsUsed, recommendation }: SeenBehaviour) {
  const { components } = assessment;
  const component = (name: keyof typeof BEHAVIOUR_WEIGHTS) => ({
    weight: BEHAVIOUR_WEIGHTS[name],
    value: rounded(components[name]),
  });
  const { renewals, renewalScoreMin } = TIER_RULES[agent.tier];
  return {
    score: assessment.verdict ? assessment.score : null,
    verdict: !assessment.verdict ? 'none' : isTooLow(assessment, agent.tier) ? 'too_low' : 'good',
    tier: agent.tier,
    window: {
      calls: assessment.calls,
      errors: assessment.errors,
      denials: assessment.denials,
      calls_per_minute_cv: assessment.callsPerMinuteCv === null ? null : rounded(assessment.callsPerMinuteCv),
      mean_latency_ms: assessment.meanLatencyMs,
      from: timeOrNull(assessment.fromMs),
      to: timeOrNull(assessment.toMs),
    },
    components: {
      errors: component('errors'),
      denials: component('denials'),
      regularity: component('regularity'),
      anomalies: component('anomalies'),
    },
    anomalies: anomalies.map(({ kind, observed, bound, atMs, seq }) => ({
      kind,
      observed,
      bound,
      at: iso(new Date(atMs)),
      seq,
    })),
    renewals: { used: renewalsUsed, limit: renewals, minimum_score: renewalScoreMin },
    recommendation:
      recommendation === null
        ? null
        : { action: recommendation.move, tier: recommendation.tier, reasons: recommendation.reasons },
  };
}

const timeOrNull = (ms: number | null): string | null => (ms === null ? null : iso(new Date(ms)));
const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;
