import type { TenantTx } from '../platform/database/tenant-tx.js';
import type { EntryRef } from '../tenancy/acts.js';
import type { ChainHead } from './audit.repository.js';
import type { PolicyLoader } from './decision.js';
import { ChainMemory, type Learned } from './chain-memory.js';

/** What decisions are taken from: a policy, what the chain tells besides, and the head both are true of. */
export interface Known<P> {
  readonly head: ChainHead;
  readonly policy: P;
  readonly chain: ChainMemory;
  /** Which load the policy came from. */
  readonly load: number;
}

/** Where a chain ended when it was looked at last. */
export interface ChainEnd {
  readonly seq: number;
  readonly hash: string;
}

/** A chain that ends before where this process saw it: its database was put back. */
export class ChainPutBackError extends Error {
  override readonly name = 'ChainPutBackError';
}

/** What one process remembers of a tenant between two commits. It is caught up with, and forgotten only with its database. */
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

  forget(): void {
    this.#known = null;
  }

  /** Counted before the snapshot is taken, so that what arrives meanwhile knows that it may have come too late. */
  beginLoad(): number {
    this.#loadsBegun += 1;
    return this.#loadsBegun;
  }

  /** Learns what was appended since, and the policy again when its epoch moved or `anew` asks for it. */
  async catchUp(tx: TenantTx, head: ChainHead, load: number, anew: boolean): Promise<Known<P>> {
    const known = this.#known;
    // What is known stays as it is: it is what tells.
    if (known !== null && isBehind(head, known.head)) throw new ChainPutBackError('the chain was put back');
    const chain = known?.chain ?? new ChainMemory();
    const whole = await chain.load(tx, known?.head.seq ?? 0, head.seq, this.now(), this.ticks());
    if (known !== null && !anew && known.head.epoch === head.epoch && whole)
      return (this.#known = withHead(known, head));
    this.#known = { head, policy: await this.load(tx), chain, load };
    chain.spent.clear();
    return this.#known;
  }

  /** Our own entries are durable. */
  advance(last: EntryRef, learned: Learned): void {
    if (this.#known === null) throw new Error('nothing can be appended to a chain nobody looked at');
    const { chain, head } = this.#known;
    chain.advance(learned, this.now(), this.ticks());
    this.#known = withHead(this.#known, { seq: last.seq, hash: last.hash, epoch: head.epoch });
  }
}

const withHead = <P>({ policy, chain, load }: Known<P>, head: ChainHead): Known<P> => ({ head, policy, chain, load });

/** Chains only grow, so this is never so but where somebody has put another in their place. */
export function isBehind(head: ChainEnd, seen: ChainEnd): boolean {
  return head.seq < seen.seq || (head.seq === seen.seq && head.hash !== seen.hash);
}
