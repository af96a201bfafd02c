import type { KnownAgent } from '../find-agent.js';
import { ANOMALY_EVERY_MS, findAnomalies } from './anomalies.js';
import { assess, DEMOTION_CALLS_MIN, earnsDemotion, LOW_FOR_MS, reasonsFor, tierBelow } from './assess.js';
import { call, calls, fresh, NOW, seen } from '../../../test/support/observations.js';
import { judge } from './judge.js';
import { PROMOTION_ASKS, recommend } from './recommend.js';

const DAY = 24 * 60 * 60_000;
const kinds = (found: readonly { kind: string }[]) => found.map(({ kind }) => kind);

describe('an anomaly', () => {
  test('is an error rate over 30 %, not at it', () => {
    expect(findAnomalies(fresh({ observations: seen({ calls: calls({ fine: 7, error: 3 }) }) }))).toEqual([]);
    expect(findAnomalies(fresh({ observations: seen({ calls: calls({ fine: 6, error: 3 }) }) }))).toEqual([
      { kind: 'error_rate', observed: '33.3 %', bound: '30.0 %' },
    ]);
  });

  test('is a denial rate over 50 %, not at it', () => {
    expect(findAnomalies(fresh({ observations: seen({ calls: calls({ fine: 5, denied: 5 }) }) }))).toEqual([]);
    expect(findAnomalies(fresh({ observations: seen({ calls: calls({ fine: 4, denied: 5 }) }) }))).toEqual([
      { kind: 'denial_rate', observed: '55.6 %', bound: '50.0 %' },
    ]);
  });

  test('needs three calls', () => {
    expect(findAnomalies(fresh({ observations: seen({ calls: calls({ error: 2 }) }) }))).toEqual([]);
  });

  test('is a minute with more than three times the calls of the minutes before it', () => {
    const minutes = [
      [1, 4],
      [2, 5],
      [3, 6],
    ] as const;
    const at = (count: number) => fresh({ observations: seen({ minutes: [...minutes, [9, count]] }), minutes: [9] });
    expect(findAnomalies(at(15))).toEqual([]);
    expect(findAnomalies(at(16))).toEqual([{ kind: 'call_rate', observed: '16 per minute', bound: '15.0 per minute' }]);
  });

  test('is no burst of less than ten calls, and none where nothing is usual yet', () => {
    const few = seen({
      minutes: [
        [1, 1],
        [2, 1],
        [3, 1],
        [4, 9],
      ],
    });
    expect(findAnomalies(fresh({ observations: few, minutes: [4] }))).toEqual([]);
    const young = seen({
      minutes: [
        [1, 1],
        [2, 1],
        [3, 90],
      ],
    });
    expect(findAnomalies(fresh({ observations: young, minutes: [3] }))).toEqual([]);
  });

  test('is a call that took more than five times the mean of the others', () => {
    const slow = (durationMs: number) => {
      const completed = [call(9, { durationMs })];
      return fresh({ observations: seen({ calls: [...calls({ fine: 4 }), ...completed] }), completed });
    };
    expect(findAnomalies(slow(500))).toEqual([]);
    expect(findAnomalies(slow(501))).toEqual([{ kind: 'latency', observed: '501 ms', bound: '500.0 ms' }]);
  });

  test('is no call of less than a quarter of a second', () => {
    const quick = [1, 2, 3].map((seq) => call(seq, { durationMs: 2 }));
    const completed = [call(9, { durationMs: 249 })];
    expect(findAnomalies(fresh({ observations: seen({ calls: [...quick, ...completed] }), completed }))).toEqual([]);
  });

  test('is a secret that was found in an answer', () => {
    expect(findAnomalies(fresh({ redactions: 2 }))).toEqual([{ kind: 'redaction', observed: '2', bound: '0' }]);
  });

  test('is made by nobody who does nothing', () => {
    const observations = seen({ calls: calls({ error: 50 }) });
    expect(findAnomalies(fresh({ observations, calls: 0 }))).toEqual([]);
  });
});

describe('judging an agent', () => {
  const agent: KnownAgent = { id: 'a', name: 'a', tier: 'PARTNER', state: 'active', keyHolders: [] };
  const bad = seen({ calls: calls({ fine: 10, denied: 60 }) });

  test('records one anomaly of a kind in ten minutes', () => {
    const recorded = (agoMs: number) => [{ kind: 'denial_rate', atMs: NOW - agoMs }];
    const looked = fresh({ observations: bad });
    expect(kinds(judge(agent, looked, [], NOW).finding?.anomalies ?? [])).toEqual(['denial_rate']);
    expect(judge(agent, looked, recorded(ANOMALY_EVERY_MS - 1), NOW).finding).toBeNull();
    expect(kinds(judge(agent, looked, recorded(ANOMALY_EVERY_MS), NOW).finding?.anomalies ?? [])).toEqual([
      'denial_rate',
    ]);
  });

  // 0.30 + 0 + 0.25 + 0.20·0.2: 0.59, and PARTNER asks for 0.7.
  const recent = Array.from({ length: 4 }, () => ({ kind: 'denial_rate', atMs: NOW }));
  const look = (lowSinceMs: number | null) => fresh({ observations: { ...bad, lowSinceMs }, calls: 0 });

  test('demotes at the second look that finds the score too low, a minute after the first', () => {
    const first = judge(agent, look(null), recent, NOW);
    expect(first).toMatchObject({ observations: { lowSinceMs: NOW }, finding: null, dueAtMs: NOW + LOW_FOR_MS });
    expect(judge(agent, look(NOW), recent, NOW + LOW_FOR_MS - 1).finding).toBeNull();
    expect(judge(agent, look(NOW), recent, NOW + LOW_FOR_MS).finding).toMatchObject({
      tier: 'PARTNER',
      demotes: expect.anything(),
    });
  });

  test('forgets that it was too low when it is not any more', () => {
    const better = fresh({ observations: seen({ calls: calls({ fine: 50 }), lowSinceMs: NOW - DAY }) });
    expect(judge(agent, better, [], NOW)).toEqual({
      observations: { ...better.observations, lowSinceMs: null },
      finding: null,
      dueAtMs: null,
    });
  });

  test.each([
    ['a suspended agent', { ...agent, state: 'suspended' as const }],
    ['the lowest tier', { ...agent, tier: 'NOVICE' as const }],
  ])('does not demote %s', (_, who) => {
    expect(judge(who, look(NOW - DAY), recent, NOW)).toMatchObject({ finding: null, dueAtMs: null });
  });
});

describe('a demotion', () => {
  const bad = calls({ fine: 5, denied: 5, error: 5 });

  test('is earned by ten calls at the present tier', () => {
    expect(earnsDemotion(seen({ calls: bad }), 'PARTNER', 5, NOW)).toBe(true);
    expect(earnsDemotion(seen({ calls: bad, tierSeq: 15 - DEMOTION_CALLS_MIN }), 'PARTNER', 5, NOW)).toBe(true);
    expect(earnsDemotion(seen({ calls: bad, tierSeq: 16 - DEMOTION_CALLS_MIN }), 'PARTNER', 5, NOW)).toBe(false);
  });

  test('is not earned by what was done at another tier', () => {
    const since = [...calls({ denied: 60, error: 20 }), ...calls({ fine: 20 }, 81)];
    expect(earnsDemotion(seen({ calls: since }), 'PARTNER', 0, NOW)).toBe(true);
    expect(earnsDemotion(seen({ calls: since, tierSeq: 80 }), 'PARTNER', 0, NOW)).toBe(false);
  });

  test('goes one tier, and not below the lowest', () => {
    expect(['NOVICE', 'COMPANION', 'PARTNER', 'GUARDIAN', 'SACRED'].map((tier) => tierBelow(tier as 'NOVICE'))).toEqual(
      [null, 'NOVICE', 'COMPANION', 'PARTNER', 'GUARDIAN'],
    );
  });

  test('says why, with every number, the worst first', () => {
    // 0.30·0.4 + 0.25·0 + 0.25 + 0.20·0.6
    const assessment = assess(calls({ fine: 2, error: 3, denied: 5 }), 2, NOW);
    expect(reasonsFor(assessment, 'COMPANION', 2)).toEqual([
      'score 0.49, COMPANION needs 0.8',
      '5 of 10 calls were denied',
      '3 of 10 calls were errors',
      '2 anomalies in the last hour',
    ]);
  });
});

describe('a recommendation', () => {
  const good = assess(calls({ fine: 100 }), 0, NOW);
  const standing = { tier: 'NOVICE' as const, sinceMs: NOW - DAY, calls: 100, anomalies: 0 };

  test('to promote states volume, age and score', () => {
    expect(recommend(standing, good, NOW)).toEqual({
      move: 'promote',
      tier: 'COMPANION',
      reasons: [
        '100 calls as NOVICE, 100 are asked for',
        '1 days as NOVICE, 1 are asked for',
        'score 1, 0.95 is asked for',
      ],
    });
  });

  test.each([
    ['too few calls', { calls: 99 }, good],
    ['too short a time', { sinceMs: NOW - DAY + 1 }, good],
    ['too low a score', {}, assess(calls({ fine: 80, error: 20 }), 0, NOW)],
    ['the highest tier', { tier: 'SACRED' as const, calls: 1e9, sinceMs: 0 }, good],
    ['no verdict', {}, assess(calls({ fine: 2 }), 0, NOW)],
  ])('to promote is not made with %s', (_, more, assessment) => {
    expect(recommend({ ...standing, ...more }, assessment, NOW)).toBeNull();
  });

  test('to demote is made when the score is too low, and there is a tier below', () => {
    const low = assess(calls({ denied: 30, fine: 20 }), 0, NOW);
    expect(recommend({ ...standing, tier: 'COMPANION' }, low, NOW)).toMatchObject({ move: 'demote', tier: 'NOVICE' });
    expect(recommend(standing, low, NOW)).toBeNull();
  });

  test('asks for more the higher it goes', () => {
    const asks = Object.values(PROMOTION_ASKS);
    for (const key of ['calls', 'days', 'score'] as const) {
      const values = asks.map((ask) => ask[key]);
      expect(values).toEqual([...values].sort((a, b) => a - b));
    }
  });
});
