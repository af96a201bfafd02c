import { must } from './zstd-fault.js';

/** Hands out exactly as many bytes as are asked for, however they arrive. */
export class ByteSource {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#pieces = source[Symbol.asyncIterator]();
  }

  /** False when nothing follows. */
  async hasMore(): Promise<boolean> {
    while (this.#at === this.#piece.length) {
      const next = await this.#pieces.next();
      if (next.done === true) return false;
      this.#piece = next.value;
      this.#at = 0;
    }
    return true;
  }

  /** Fills the beginning of `into`. An end before that is a fault. */
  async take(count: number, into: Uint8Array): Promise<void> {
    await this.#walk(count, (piece, done) => into.set(piece, done));
  }

  async skip(count: number): Promise<void> {
    await this.#walk(count, () => undefined);
  }

  /** Little-endian, at most four bytes. */
  async number(bytes: number): Promise<number> {
    let value = 0;
    await this.#walk(bytes, (piece, done) => {
      for (let at = 0; at < piece.length; at += 1) value += (piece[at] as number) * 2 ** (8 * (done + at));
    });
    return value;
  }

  /** Lets the source go when nobody reads to the end. */
  async close(): Promise<void> {
    await this.#pieces.return?.();
  }

  async #walk(count: number, visit: (piece: Uint8Array, done: number) => void): Promise<void> {
    for (let done = 0; done < count;) {
      if (this.#at === this.#piece.length) must(await this.hasMore());
      const piece = this.#piece.subarray(this.#at, this.#at + count - done);
      visit(piece, done);
      this.#at += piece.length;
      done += piece.length;
    }
  }
}
