import { ownConcat } from '../../platform/crypto/own-memory.js';

/**
 * Consecutive characters of an answer as one reading sees them. A character begins at an offset in the raw stream and ends where
 * the next begins, the last one at `upTo`; what lies behind `upTo` is not decided yet.
 */
export interface Run {
  readonly bytes: Uint8Array;
  readonly upTo: number;
  startOf(index: number): number;
}

export const endOf = (run: Run, index: number): number =>
  index + 1 < run.bytes.length ? run.startOf(index + 1) : run.upTo;

/** What came, as it came. */
export class RawRun implements Run {
  constructor(
    readonly bytes: Uint8Array,
    private readonly base: number,
  ) {}

  get upTo(): number {
    return this.base + this.bytes.length;
  }

  startOf(index: number): number {
    return this.base + index;
  }
}

/** A run behind characters of an earlier one that waited for it. */
export class JoinedRun implements Run {
  readonly bytes: Uint8Array;

  constructor(
    waiting: Uint8Array,
    private readonly starts: readonly number[],
    private readonly rest: Run,
  ) {
    this.bytes = ownConcat([waiting, rest.bytes]);
  }

  get upTo(): number {
    return this.rest.upTo;
  }

  startOf(index: number): number {
    const waiting = this.starts.length;
    return index < waiting ? (this.starts[index] as number) : this.rest.startOf(index - waiting);
  }
}

/** A run with escapes undone: pieces of the source, and what escapes stand for, which begins where they begin. */
export class DecodedRun implements Run {
  constructor(
    readonly bytes: Uint8Array,
    readonly upTo: number,
    private readonly source: Run,
    /** Where each piece begins here, and where it begins in the source. Every other piece, from the second, is an escape. */
    private readonly here: readonly number[],
    private readonly there: readonly number[],
  ) {}

  startOf(index: number): number {
    let low = 0;
    let high = this.here.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.here[middle] as number) <= index) low = middle;
      else high = middle - 1;
    }
    const into = low % 2 === 1 ? 0 : index - (this.here[low] as number);
    return this.source.startOf((this.there[low] as number) + into);
  }
}
