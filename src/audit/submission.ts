import type { Committed, Decide } from './decision.js';

/** One decision on its way to being durable. It is answered once; what comes after that is ignored. */
export class Submission<P> {
  #settled = false;
  readonly #watchers: (() => void)[] = [];

  constructor(
    readonly decide: Decide<P, unknown>,
    readonly deadlineMs: number,
    /** How many loads of the policy had begun when it arrived: a later one saw whatever was there before it. */
    readonly arrivedLoad: number,
    /** How long it may wait for company; 0 when somebody waits for it. */
    readonly patienceMs: number,
    private readonly resolve: (committed: Committed<unknown>) => void,
    private readonly reject: (error: unknown) => void,
  ) {}

  get settled(): boolean {
    return this.#settled;
  }

  answer(committed: Committed<unknown>): void {
    if (this.#settle()) this.resolve(committed);
  }

  fail(error: unknown): void {
    if (this.#settle()) this.reject(error);
  }

  whenSettled(): Promise<void> {
    return this.#settled ? Promise.resolve() : new Promise((resolve) => this.#watchers.push(resolve));
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    for (const tell of this.#watchers) tell();
    return true;
  }
}
