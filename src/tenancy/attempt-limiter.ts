import { LRUCache } from 'lru-cache';

const FAILURES_MAX = 5;
const WINDOW_MS = 5 * 60_000;
const TRACKED_MAX = 50_000;

/**
 * Counts failed sign-ins by tenant and e-mail, whether or not such a member exists, so that being limited tells nothing.
 * In memory: a restart forgets, and Argon2's cost and the route's rate limit stand behind it.
 */
export class AttemptLimiter {
  readonly #failures = new LRUCache<string, { count: number; untilMs: number }>({ max: TRACKED_MAX });

  constructor(private readonly now: () => number) {}

  /** Seconds to wait, or 0 when another attempt may be made. */
  waitSeconds(key: string): number {
    const entry = this.#failures.get(key);
    if (entry === undefined || entry.count < FAILURES_MAX) return 0;
    const left = entry.untilMs - this.now();
    return left <= 0 ? 0 : Math.ceil(left / 1000);
  }

  failed(key: string): void {
    const entry = this.#failures.get(key);
    const current = entry !== undefined && entry.untilMs > this.now() ? entry.count : 0;
    this.#failures.set(key, { count: current + 1, untilMs: this.now() + WINDOW_MS });
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }
}
