import { ProblemError } from '../http/problem.js';

const laneFull = (retryAfterSeconds: number) =>
  new ProblemError({
    code: 'over_capacity',
    status: 503,
    title: 'Over capacity',
    detail: 'Too many password checks are waiting already. Nothing was done.',
    headers: { 'Retry-After': String(retryAfterSeconds) },
  });

/**
 * Runs memory-hard work a few at a time and lets only so many wait: a burst of logins must not take all the memory,
 * nor every thread of libuv's pool (4), which DNS and files need too.
 */
export class Lane {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(readonly limits: { running: number; waiting: number; retryAfterSeconds: number }) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.limits.running) this.#running += 1;
    else if (this.#waiting.length < this.limits.waiting) await new Promise<void>((turn) => this.#waiting.push(turn));
    else throw laneFull(this.limits.retryAfterSeconds);
    try {
      return await work();
    } finally {
      // The place passes straight to the next in line; it is freed only when nobody waits.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
