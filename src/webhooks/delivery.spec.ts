import { type Attempt, logged, LOG_ATTEMPTS_MAX, retryAfterMs, retryDelayMs } from './delivery.js';

const HOUR_MS = 3_600_000;

test('ten attempts over about three days, as the standard recommends, and then no more', () => {
  const delays = Array.from({ length: 9 }, (_, i) => retryDelayMs(i + 1, 0.5) as number);
  expect(delays[0]).toBe(5_000);
  expect(delays.every((delay, i) => i === 0 || delay > (delays[i - 1] as number))).toBe(true);
  const days = delays.reduce((sum, delay) => sum + delay, 0) / (24 * HOUR_MS);
  expect(days).toBeGreaterThan(3);
  expect(days).toBeLessThan(3.5);
  expect(retryDelayMs(10, 0.5)).toBeNull();
});

test('the jitter is a fifth to either side', () => {
  expect([retryDelayMs(1, 0), retryDelayMs(1, 0.999_999)]).toEqual([4_000, 6_000]);
});

test('an endpoint may ask for more time, up to a day, and not for less', () => {
  expect(retryDelayMs(1, 0.5, 60_000)).toBe(60_000);
  expect(retryDelayMs(1, 0.5, 365 * 24 * HOUR_MS)).toBe(24 * HOUR_MS);
  expect(retryDelayMs(4, 0.5, 1_000)).toBe(2 * HOUR_MS);
});

test.each([
  [undefined, 0],
  ['120', 120_000],
  ['Sun, 22 Nov 2026 08:00:10 GMT', 10_000],
  ['Sun, 22 Nov 2026 07:00:00 GMT', 0],
  ['-5', 0],
  ['soon', 0],
])('Retry-After %j is %d ms', (value, ms) => {
  expect(retryAfterMs(value, Date.parse('2026-11-22T08:00:00Z'))).toBe(ms);
});

test('P20: the log keeps the last attempts', () => {
  const attempt = (n: number): Attempt => ({ at: '', duration_ms: n, status: 500, error: null, response: null });
  const full = Array.from({ length: 30 }, (_, n) => n).reduce<readonly Attempt[]>(
    (log, n) => logged(log, attempt(n)),
    [],
  );
  expect([full.length, full[0]?.duration_ms, full.at(-1)?.duration_ms]).toEqual([LOG_ATTEMPTS_MAX, 10, 29]);
});
