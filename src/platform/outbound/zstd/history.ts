import { ownCopy } from '../../crypto/own-memory.js';
import { must } from './zstd-fault.js';

/** RFC 8878, 3.1.1.2.4. */
export const BLOCK_BYTES_MAX = 131_072;
const FIRST_BYTES = 2 * BLOCK_BYTES_MAX;
const LOOP_UNTIL_BYTES = 32;

/**
 * What a frame was decoded to so far, as far back as its window reaches. It grows with what was decoded, not with what the
 * frame says it needs, and moves only after a whole window was written.
 */
export class History {
  #bytes = Buffer.alloc(FIRST_BYTES);
  #window = 0;
  #at = 0;
  #blockStart = 0;
  #blockEnd = 0;

  beginFrame(windowBytes: number): void {
    this.#window = windowBytes;
    this.#at = 0;
  }

  /** Makes room for a block of at most `bytes`. */
  beginBlock(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) this.#makeRoom();
    this.#blockStart = this.#at;
    this.#blockEnd = this.#at + bytes;
  }

  /** A copy of the block, which may hold an echoed secret. */
  endBlock(): Buffer {
    return ownCopy(this.#bytes.subarray(this.#blockStart, this.#at));
  }

  append(from: Uint8Array, start: number, end: number): void {
    const size = end - start;
    must(this.#at + size <= this.#blockEnd);
    if (size > LOOP_UNTIL_BYTES) this.#bytes.set(from.subarray(start, end), this.#at);
    else for (let nth = 0; nth < size; nth += 1) this.#bytes[this.#at + nth] = from[start + nth] as number;
    this.#at += size;
  }

  fill(byte: number, size: number): void {
    must(this.#at + size <= this.#blockEnd);
    this.#bytes.fill(byte, this.#at, (this.#at += size));
  }

  /** Repeats what stands `offset` bytes back. It may overlap with what it writes. */
  repeat(offset: number, size: number): void {
    const bytes = this.#bytes;
    const at = this.#at;
    must(offset > 0 && offset <= at && offset <= this.#window && at + size <= this.#blockEnd);
    if (size > LOOP_UNTIL_BYTES && offset >= size) bytes.copyWithin(at, at - offset, at - offset + size);
    else for (let to = at; to < at + size; to += 1) bytes[to] = bytes[to - offset] as number;
    this.#at = at + size;
  }

  #makeRoom(): void {
    const bytesMax = 2 * this.#window + BLOCK_BYTES_MAX;
    const kept = this.#bytes.subarray(Math.max(0, this.#at - this.#window), this.#at);
    if (this.#bytes.length < bytesMax) {
      const grown = Buffer.alloc(Math.min(2 * this.#bytes.length, bytesMax));
      grown.set(kept);
      this.#bytes = grown;
    } else this.#bytes.copyWithin(0, this.#at - kept.length, this.#at);
    this.#at = kept.length;
  }
}
