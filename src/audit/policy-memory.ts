import type { TenantTx } from '../platform/database/tenant-tx.js';
import type { ChainHead } from './audit.repository.js';
import type { PolicyLoader } from './decision.js';
import { ProofWindow } from './proof-window.js';
import type { EntryRef } from '../tenancy/acts.js';

/** What decisions are taken from: a policy, the proof ids that are spent, and the head both are true of. */
export interface Known<P> {
  readonly head: ChainHead;
  readonly policy: P;
  readonly window: ProofWindow;
  /** Which load the policy came from. */
  readonly load: number;
}

/** What one process remembers of a tenant between two commits. It is never forgotten, only caught up with. */
export class PolicyMemory<P> {
  #known: Known<P> | null = null;
  #loadsBegun = 0;

  constructor(
    private readonly load: PolicyLoader<P>,
    private readonly now: () => number,
    private readonly ticks: () => number = () => performance.now(),
  ) {}

  get known(): Known<P> | null {
    return this.#known;
  }

  get loadsBegun(): number {
    return this.#loadsBegun;
  }

  /** Counted before the snapshot is taken, so that what arrives meanwhile knows that it may have come too late. */
  beginLoad(): number {
    this.#loadsBegun += 1;
    return this.#loadsBegun;
  }

  /** Learns what was appended since, and the policy again when its epoch moved or `anew` asks for it. */
  async catchUp(tx: TenantTx, head: ChainHead, load: number, anew: boolean): Promise<Known<P>> {
    const known = this.#known;
    const window = known?.window ?? new ProofWindow();
    await window.load(tx, known?.head.seq ?? 0, head.seq, this.now(), this.ticks());
    const current = known !== null && !anew && known.head.epoch === head.epoch;
    this.#known = current ? { ...known, head } : { head, policy: await this.load(tx), window, load };
    return this.#known;
  }

  /** Our own entries are durable: only now their proof ids are spent. */
  advance(last: EntryRef, jtis: readonly string[]): void {
    if (this.#known === null) throw new Error('nothing can be appended to a chain nobody looked at');
    const { window, head } = this.#known;
    const ticksMs = this.ticks();
    for (const jti of jtis) window.add(jti, ticksMs);
    window.prune(ticksMs);
    this.#known = { ...this.#known, head: { ...head, seq: last.seq, hash: last.hash } };
  }
}
