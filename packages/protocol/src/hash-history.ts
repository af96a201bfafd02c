import { fromHex, toHex } from './bytes.js';

const HASH_BYTES = 32;
const CHUNK_HASHES = 4_096;

/** The hashes of a chain's entries, by position from 0, at 32 bytes each: a million entries take 32 MB. */
export class HashHistory {
  private readonly chunks: Uint8Array[] = [];
  private count = 0;

  /** How many there are. */
  get length(): number {
    return this.count;
  }

  /** Appends a hash of 64 hex digits. */
  append(hash: string): void {
    const slot = this.count % CHUNK_HASHES;
    if (slot === 0) this.chunks.push(new Uint8Array(CHUNK_HASHES * HASH_BYTES));
    this.chunks.at(-1)!.set(fromHex(hash)!, slot * HASH_BYTES);
    this.count++;
  }

  /** The hash at a position, 64 hex digits; undefined past the end. */
  at(position: number): string | undefined {
    if (position < 0 || position >= this.count) return undefined;
    const start = (position % CHUNK_HASHES) * HASH_BYTES;
    return toHex(this.chunks[Math.floor(position / CHUNK_HASHES)]!.subarray(start, start + HASH_BYTES));
  }
}
