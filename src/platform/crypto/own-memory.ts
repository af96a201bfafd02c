// Buffers for what is, or may hold, a secret. `Buffer.from` and `Buffer.concat` cut small ones out of a slab that they
// share: a copy there outlives its use for as long as any neighbour is kept. These have memory of their own.

/**
 * From now on every buffer of this process has memory of its own, those too that Node's streams and parsers make by
 * themselves: what reads an answer from a socket joins the pieces that have gathered, an echoed secret among them.
 */
export function shareNoBuffers(): void {
  Buffer.poolSize = 0;
}

export function ownCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.alloc(bytes.length);
  copy.set(bytes);
  return copy;
}

export function ownText(text: string, encoding: 'utf8' | 'latin1' = 'utf8'): Buffer {
  const bytes = Buffer.alloc(Buffer.byteLength(text, encoding));
  bytes.write(text, encoding);
  return bytes;
}

export function ownConcat(pieces: readonly Uint8Array[]): Buffer {
  const whole = Buffer.alloc(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** The same bytes, seen as a Buffer: nothing is copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
