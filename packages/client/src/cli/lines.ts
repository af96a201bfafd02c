import { TextDecoder } from 'node:util';
import { EXPORT_LINE_BYTES_MAX } from '@chancery/protocol/audit-export.js';

const NEWLINE = 0x0a;

/** The lines of a byte stream; undefined for one that is too long or no UTF-8. Holds one line at a time. */
export async function* readLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string | undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let pieces: Uint8Array[] = [];
  let length = 0;
  const take = (): string | undefined => {
    const line = length > EXPORT_LINE_BYTES_MAX ? undefined : decode(decoder, Buffer.concat(pieces));
    pieces = [];
    length = 0;
    return line;
  };
  for await (const chunk of bytes) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, at));
      yield take();
      from = at + 1;
    }
    add(chunk.subarray(from));
  }
  if (length > 0) yield take();

  function add(piece: Uint8Array): void {
    length += piece.length;
    if (length <= EXPORT_LINE_BYTES_MAX) pieces.push(piece);
  }
}

function decode(decoder: TextDecoder, bytes: Buffer): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
