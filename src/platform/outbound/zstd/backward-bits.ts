import { must } from './zstd-fault.js';

/**
 * Reads a stream of bits from its end to its beginning: RFC 8878, 4.1. The last byte's highest set bit marks the end.
 * `bytes` has at least four bytes behind the stream, so that four can always be loaded at once.
 */
export class BackwardBits {
  /** Bits not read yet. Negative when more was read than there is. */
  left: number;

  constructor(
    readonly bytes: Uint8Array,
    readonly start: number,
    end: number,
  ) {
    must(end > start);
    const last = bytes[end - 1] as number;
    must(last !== 0);
    this.left = (end - start) * 8 - 8 + (31 - Math.clz32(last));
  }

  /** At most 24 bits. */
  read(count: number): number {
    this.left -= count;
    must(this.left >= 0);
    if (count === 0) return 0;
    const { bytes, left } = this;
    const at = this.start + (left >> 3);
    const word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    return (word >>> (left & 7)) & ((1 << count) - 1);
  }
}
