import { ownCopy } from '../crypto/own-memory.js';

/**
 * The pieces of an answer, none of them in the slab that Node's small buffers share. A stream that is read joins what has
 * gathered, and does so there, where an echoed secret would outlive the call: such a piece is copied, and its place wiped.
 */
export async function* outOfSlab(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of source) {
    if (piece.buffer.byteLength !== Buffer.poolSize) {
      yield piece;
      continue;
    }
    const own = ownCopy(piece);
    piece.fill(0);
    yield own;
  }
}
