/** How long a node may admit uses after it last asked the database whether it may. */
export const LEASE_MS = 2_000;

export interface LeaseClocks {
  /** Counts while the process is stopped, and never goes back. */
  readonly monotonic: () => number;
  /** Counts also while the machine is suspended; may be set by anybody, so it only ever ends a lease. */
  readonly wall: () => number;
}

const SYSTEM: LeaseClocks = { monotonic: () => performance.now(), wall: () => Date.now() };

export type LeaseMoment = { readonly monotonicMs: number; readonly wallMs: number };

/**
 * This node's leave to admit uses. It counts from the moment before the renewal was sent, so it is over no later than
 * `LEASE_MS` after the database read what the renewal told us, however long the answer took.
 */
export class NodeLease {
  #from: LeaseMoment | null = null;

  constructor(private readonly clocks: LeaseClocks = SYSTEM) {}

  /** Taken before a renewal is sent, and given back with its answer. */
  now(): LeaseMoment {
    return { monotonicMs: this.clocks.monotonic(), wallMs: this.clocks.wall() };
  }

  renew(sentAt: LeaseMoment): void {
    this.#from = sentAt;
  }

  giveUp(): void {
    this.#from = null;
  }

  /** Since it was renewed last; without end when it was given up. */
  get ageMs(): number {
    if (this.#from === null) return Infinity;
    const { monotonicMs, wallMs } = this.now();
    return Math.max(monotonicMs - this.#from.monotonicMs, wallMs - this.#from.wallMs);
  }

  get remainingMs(): number {
    return Math.max(0, LEASE_MS - this.ageMs);
  }

  get holds(): boolean {
    return this.remainingMs > 0;
  }
}
