import { ownConcat } from '../../platform/crypto/own-memory.js';

/**
 * Consecutive characters of an answer as one reading sees them. Each begins and ends at an offset in the raw stream; what
 * lies behind `upTo` is not decided yet.
 */
export interface Run {
  readonly bytes: Uint8Array;
  readonly upTo: number;
  startOf(index: number): number;
  /** Where a character ends: before the next one, and before what stands between them and means nothing. */
  endOf(index: number): number;
}

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

  endOf(index: number): number {
    return this.base + index + 1;
  }
}

/** Where a character that waits begins and ends. */
export type Place = { readonly start: number; readonly end: number };

/** A run behind characters of an earlier one that waited for it. */
export class JoinedRun implements Run {
  readonly bytes: Uint8Array;

  constructor(
    waiting: Uint8Array,
    private readonly places: readonly Place[],
    private readonly rest: Run,
  ) {
    this.bytes = ownConcat([waiting, rest.bytes]);
  }

  get upTo(): number {
    return this.rest.upTo;
  }

  startOf(index: number): number {
    const { length } = this.places;
    return index < length ? (this.places[index] as Place).start : this.rest.startOf(index - length);
  }

  endOf(index: number): number {
    const { length } = this.places;
    return index < length ? (this.places[index] as Place).end : this.rest.endOf(index - length);
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
    const piece = this.#pieceAt(index);
    return this.source.startOf((this.there[piece] as number) + this.#into(piece, index));
  }

  endOf(index: number): number {
    const piece = this.#pieceAt(index);
    if (piece % 2 === 1) return this.source.endOf((this.there[piece + 1] as number) - 1);
    return this.source.endOf((this.there[piece] as number) + this.#into(piece, index));
  }

  #into(piece: number, index: number): number {
    return piece % 2 === 1 ? 0 : index - (this.here[piece] as number);
  }

  #pieceAt(index: number): number {
    let low = 0;
    let high = this.here.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.here[middle] as number) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
