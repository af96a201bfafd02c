import { RATE_WINDOW_MS, type UseEvent, useEventOf, UseWindow } from './use-window.js';
import type { AuditEntry } from '@chancery/protocol/audit-entry.js';

const began = (seq: number, atMs: number, actor = 'agent:a', deadlineMs = atMs + 100_000): UseEvent => ({
  kind: 'began',
  seq,
  atMs,
  actor,
  credential: 'crd_1',
  deadlineMs,
});
const ended = (intent: number): UseEvent => ({ kind: 'ended', intent });
const windowOf = (nowMs: number, ...events: UseEvent[]): UseWindow => {
  const window = new UseWindow();
  for (const event of events) window.apply(event, nowMs);
  return window;
};

test('uses are under way from their intent to their outcome', () => {
  const window = windowOf(0, began(1, 0), began(2, 0), began(3, 0, 'agent:b'), ended(1), ended(1), ended(99));
  const counts = window.during(0);
  expect([counts.underWay('agent:a'), counts.underWay('agent:b'), counts.underWay()]).toEqual([1, 1, 2]);
});

test('a use without an outcome counts no longer than to its deadline', () => {
  const window = windowOf(0, began(1, 0, 'agent:a', 20_000));
  expect(window.during(19_999).underWay()).toBe(1);
  expect(window.during(60_000).underWay()).toBe(0);
  expect(
    windowOf(50_000, began(1, 0, 'agent:a', 20_000))
      .during(50_000)
      .underWay(),
  ).toBe(0);
});

test('what a load tells twice counts once', () => {
  const counts = windowOf(0, began(1, 0), began(2, 0), began(1, 0), began(2, 0)).during(0);
  expect([counts.underWay('agent:a'), counts.recent('agent:a', 'crd_1')]).toEqual([2, 2]);
});

test('a use counts for a minute, by actor and credential', () => {
  const window = windowOf(10_500, began(1, 500), began(2, 10_500), began(3, 10_500, 'agent:b'));
  expect(window.during(10_500).recent('agent:a', 'crd_1')).toBe(2);
  expect(window.during(10_500).recent('agent:a', 'crd_2')).toBe(0);
  expect(window.during(10_500).untilFewerMs('agent:a', 'crd_1')).toBe(RATE_WINDOW_MS + 1_000 - 10_500);
  expect(window.during(RATE_WINDOW_MS + 999).recent('agent:a', 'crd_1')).toBe(2);
  expect(window.during(RATE_WINDOW_MS + 1_000).recent('agent:a', 'crd_1')).toBe(1);
  expect(window.during(10 * RATE_WINDOW_MS).recent('agent:a', 'crd_1')).toBe(0);
});

test('a use from a clock that ran ahead counts for a minute all the same', () => {
  const window = windowOf(0, began(1, 300_000));
  expect(window.during(0).recent('agent:a', 'crd_1')).toBe(1);
  expect(window.during(RATE_WINDOW_MS + 1_000).recent('agent:a', 'crd_1')).toBe(0);
});

test('the decisions of a batch see those before them, and leave nothing behind', () => {
  const window = windowOf(0, began(1, 0));
  const batch = window.during(0);
  batch.apply(began(2, 0));
  batch.apply(ended(1));
  batch.apply(ended(1));
  expect([batch.underWay('agent:a'), batch.underWay(), batch.recent('agent:a', 'crd_1')]).toEqual([1, 1, 2]);
  expect(window.during(0).recent('agent:a', 'crd_1')).toBe(1);
});

test('an entry is an intent, an outcome, or none of both', () => {
  const entry = (more: Partial<AuditEntry>) =>
    ({ seq: 7, at: '1970-01-01T00:00:01.000Z', actor: 'agent:a', action: 'credential.use', ...more }) as AuditEntry;
  const details = { credential: 'crd_1', deadline: '1970-01-01T00:01:41.000Z' };
  expect(useEventOf(entry({ outcome: 'intent', details }))).toEqual(began(7, 1_000));
  expect(useEventOf(entry({ action: 'credential.use.outcome', outcome: 'cut', details: { intent: 7 } }))).toEqual(
    ended(7),
  );
  expect(useEventOf(entry({ outcome: 'denied', details }))).toBeNull();
  expect(useEventOf(entry({ action: 'credential.redacted', outcome: 'success', details: { intent: 7 } }))).toBeNull();
  expect(useEventOf(entry({ outcome: 'intent', details: {} }))).toBeNull();
});
