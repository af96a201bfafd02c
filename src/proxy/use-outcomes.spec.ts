import type { Committers } from '../audit/committers.js';
import type { SubmitOptions } from '../audit/committer.js';
import type { Config } from '../config/environment.js';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import { createLog } from '../platform/telemetry/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { AnswerRedaction } from './redact-answer.js';
import { UseMetrics } from './use-metrics.js';
import { type UnderWay, UseOutcomes } from './use-outcomes.js';

const call = {
  principal: {
    kind: 'agent',
    tenantId: '01890000-0000-7000-8000-000000000001',
    id: '01890000-0000-7000-8000-000000000002',
  },
  intent: { seq: 1, hash: 'h' },
  signal: new AbortController().signal,
} as unknown as UnderWay;

/** How long an outcome may wait under these limits. */
function waitUnder(uses: Partial<Config['uses']>): number | undefined {
  const asked: (SubmitOptions | undefined)[] = [];
  const submit = (_decide: unknown, options?: SubmitOptions) => {
    asked.push(options);
    return Promise.resolve();
  };
  const committers = { of: () => ({ submit }) } as unknown as Committers;
  const config = { uses: { agentConcurrent: 64, tenantConcurrent: 512, outcomeWaitMs: 750, ...uses } } as Config;
  const metrics = new UseMetrics(new Metrics(), new InFlightCalls());
  const outcomes = new UseOutcomes(committers, metrics, createLog({ level: 'silent' }), config);
  outcomes.succeeded(call, { status: 200, duration_ms: 1 }, new AnswerRedaction([]));
  expect(asked).toHaveLength(1);
  return asked[0]?.patienceMs;
}

test('P20: an outcome waits as configured, but not where few uses may be under way: other nodes count it until then', () => {
  expect(waitUnder({})).toBe(750);
  expect(waitUnder({ outcomeWaitMs: 0 })).toBe(0);
  expect(waitUnder({ agentConcurrent: 16 })).toBe(750);
  expect(waitUnder({ agentConcurrent: 15 })).toBe(0);
  expect(waitUnder({ tenantConcurrent: 1 })).toBe(0);
});
