/** One try, as the log keeps it. */
export interface Attempt {
  readonly at: string;
  readonly duration_ms: number;
  /** Null when no answer came. */
  readonly status: number | null;
  /** Why it counts as failed; null when it does not. */
  readonly error: string | null;
  /** The beginning of the answer's body. */
  readonly response: string | null;
}

export const DELIVERY_STATES = ['pending', 'delivered', 'failed', 'dropped'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export const LOG_ATTEMPTS_MAX = 20;
const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability */
const RETRY_AFTER_MS = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
] as const;
/** So that what failed together does not come back together. */
const JITTER = 0.2;
const ASKED_MS_MAX = 24 * HOUR;
/** Nothing has arrived for this long, and a delivery has run out of attempts: the endpoint is given up. */
export const DISABLE_AFTER_MS = 5 * 24 * HOUR;

/** How long to wait after this many failed attempts; null when there have been enough. `random` is in [0, 1). */
export function retryDelayMs(attempts: number, random: number, askedMs = 0): number | null {
  const base = RETRY_AFTER_MS[attempts - 1];
  if (base === undefined) return null;
  const spread = base * (1 + JITTER * (2 * random - 1));
  return Math.round(Math.max(spread, Math.min(askedMs, ASKED_MS_MAX)));
}

/** The log with one more attempt in it, bounded. */
export const logged = (log: readonly Attempt[], attempt: Attempt): readonly Attempt[] =>
  [...log, attempt].slice(-LOG_ATTEMPTS_MAX);

/** `Retry-After` (RFC 9110 section 10.2.3) in milliseconds; 0 when there is none that can be read. */
export function retryAfterMs(value: string | undefined, nowMs: number): number {
  if (value === undefined) return 0;
  if (/^[0-9]{1,7}$/.test(value)) return Number(value) * SECOND;
  const at = Date.parse(value);
  return Number.isNaN(at) ? 0 : Math.max(0, at - nowMs);
}
