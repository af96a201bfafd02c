import fc from 'fast-check';
import { call, calls, entry, MINUTE, NOW, seen } from '../../../test/support/observations.js';
import { kindOfOutcome } from './observed-use.js';
import { callsPerMinuteCv } from './statistics.js';
import { MINUTES_MAX, NOTHING_SEEN, takeIn } from './window.js';

const USE = 'credential.use';
const OUTCOME = `${USE}.outcome`;

test('a call is open until its outcome stands in the chain', () => {
  const first = takeIn(NOTHING_SEEN, [entry(5, USE, 'intent')], [[1, 1]]);
  expect(first.observations.calls).toEqual([{ seq: 5, atMs: NOW, kind: 'open', durationMs: null }]);
  expect(first.completed).toEqual([]);
  const outcome = entry(9, OUTCOME, 'success', { intent: 5, status: 200, durationMs: 120 });
  const second = takeIn(first.observations, [outcome], []);
  expect(second.observations.calls).toEqual([{ seq: 5, atMs: NOW, kind: 'fine', durationMs: 120 }]);
  expect(second.completed).toEqual(second.observations.calls);
});

test('an outcome of a call that the window has forgotten is nothing', () => {
  const outcome = entry(9, OUTCOME, 'success', { intent: 5, status: 404 });
  expect(takeIn(seen({ calls: [call(7)] }), [outcome], [])).toMatchObject({
    completed: [],
    observations: { calls: [call(7)] },
  });
});

test('a denial is a call that needs no outcome', () => {
  const { observations } = takeIn(NOTHING_SEEN, [entry(2, USE, 'denied', { code: 'domain_not_allowed' })], [[1, 1]]);
  expect(observations.calls).toEqual([{ seq: 2, atMs: NOW, kind: 'denied', durationMs: null }]);
});

test('the window holds the last hundred calls, and the last sixty minutes that had any', () => {
  const entries = Array.from({ length: 130 }, (_, i) => entry(i + 1, USE, 'intent'));
  const counts = Array.from({ length: 70 }, (_, i) => [i, 2] as const);
  const { observations } = takeIn(NOTHING_SEEN, entries, counts);
  expect(observations.calls.map(({ seq }) => seq)).toEqual(Array.from({ length: 100 }, (_, i) => i + 31));
  expect(observations.minutes).toHaveLength(MINUTES_MAX);
  expect(observations.minutes[0]).toEqual([10, 2]);
  expect(observations.tierCalls).toBe(140);
});

test('a change of tier begins anew what is counted at the tier, and forgets that the score was low', () => {
  const known = seen({ calls: calls({ fine: 4 }), tierCalls: 4, lowSinceMs: NOW - MINUTE });
  const entries = [
    entry(5, USE, 'intent'),
    entry(6, 'agent.demoted', 'success', { actor: 'system:behaviour' }),
    entry(7, USE, 'intent'),
  ];
  const { observations } = takeIn(known, entries, [[1, 2]]);
  expect(observations).toMatchObject({ tierSeq: 6, tierSinceMs: NOW, tierCalls: 1, lowSinceMs: null });
  expect(observations.calls).toHaveLength(6);
});

test('taking in a chain in pieces comes to the same as taking it in whole', () => {
  const step = fc.constantFrom('intent', 'denied', 'answered', 'redacted', 'promoted');
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(60), (steps, cut) => {
      const entries = steps.map((kind, i) => {
        if (kind === 'answered') return entry(i + 1, OUTCOME, 'success', { intent: i, status: 404, durationMs: 5 });
        if (kind === 'redacted') return entry(i + 1, 'credential.redacted', 'success');
        if (kind === 'promoted') return entry(i + 1, 'agent.promote', 'success');
        return entry(i + 1, USE, kind);
      });
      const countIn = (part: typeof entries) => {
        const count = part.filter(({ action }) => action === USE).length;
        return count === 0 ? [] : ([[1, count]] as const);
      };
      const whole = takeIn(NOTHING_SEEN, entries, countIn(entries));
      const [head, tail] = [entries.slice(0, cut), entries.slice(cut)];
      const half = takeIn(NOTHING_SEEN, head, countIn(head));
      const rest = takeIn(half.observations, tail, countIn(tail));
      expect(rest.observations).toEqual(whole.observations);
      expect(half.redactions + rest.redactions).toBe(whole.redactions);
    }),
  );
});

describe('an error is what the request itself came to', () => {
  test.each([
    ['success', 200, null, 'fine'],
    ['success', 302, null, 'fine'],
    ['success', 400, null, 'error'],
    ['success', 404, null, 'error'],
    ['success', 429, null, 'error'],
    ['success', 401, null, 'fine'],
    ['success', 407, null, 'fine'],
    ['success', 500, null, 'fine'],
    ['success', 503, null, 'fine'],
    ['failure', null, 'upstream_address_refused', 'error'],
    ['failure', null, 'template_refused', 'error'],
    ['failure', null, 'upstream_timeout', 'fine'],
    ['failure', null, 'upstream_unreachable', 'fine'],
    ['cut', null, 'call_cut', 'fine'],
    ['unknown', null, null, 'fine'],
  ] as const)('%s %s %s: %s', (outcome, status, code, kind) => {
    expect(kindOfOutcome({ outcome, status, code })).toBe(kind);
  });
});

describe('the calls per minute', () => {
  const at = (minutesAgo: number, count: number, firstSeq: number) =>
    Array.from({ length: count }, (_, i) => call(firstSeq + i, { atMs: NOW - minutesAgo * MINUTE }));

  test('vary by their standard deviation over their mean', () => {
    // 2, 4 and 6 in a minute: mean 4, variance 8/3.
    const three = [...at(3, 2, 1), ...at(2, 4, 10), ...at(1, 6, 20)];
    expect(callsPerMinuteCv(three, NOW)).toBeCloseTo(Math.sqrt(8 / 3) / 4, 10);
  });

  test('do not vary with the minute that still runs, and not for resting in between', () => {
    expect(callsPerMinuteCv([...at(50, 4, 1), ...at(2, 4, 10), ...at(0, 1, 20)], NOW)).toBe(0);
  });

  test('do not vary with the minute that a full window begins in', () => {
    expect(callsPerMinuteCv([...at(3, 10, 1), ...at(2, 45, 20), ...at(1, 45, 70)], NOW)).toBe(0);
    expect(callsPerMinuteCv([...at(3, 9, 1), ...at(2, 45, 20), ...at(1, 45, 70)], NOW)).toBeGreaterThan(0.3);
  });

  test('say nothing with fewer than two minutes', () => {
    expect(callsPerMinuteCv([], NOW)).toBeNull();
    expect(callsPerMinuteCv(at(1, 9, 1), NOW)).toBeNull();
  });
});
