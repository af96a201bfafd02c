import { pipeline, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { OutboundError } from './outbound-error.js';
import { unzstd } from './zstd/zstd-decoder.js';

/** What a decoded answer may be times its coded size, once it is past the size that any answer may reach. */
const RATIO_MAX = 100;
const RATIO_FREE_BYTES = 1_048_576;

const CODINGS = new Set(['gzip', 'x-gzip', 'deflate', 'br', 'zstd']);

type Headers = readonly (readonly [string, string])[];

function valuesOf(headers: Headers, name: string): string[] {
  const values: string[] = [];
  for (const [key, value] of headers) if (key.toLowerCase() === name) values.push(...value.toLowerCase().split(','));
  return values.map((value) => value.trim()).filter((value) => value !== '');
}

/** The one coding of the body, or null for none. Several on top of each other, or one we cannot undo, would hide a secret: refused. */
export function codingOf(headers: Headers): string | null {
  if (valuesOf(headers, 'transfer-encoding').some((coding) => coding !== 'chunked')) throw unsupported();
  const codings = valuesOf(headers, 'content-encoding').filter((coding) => coding !== 'identity');
  if (codings.length === 0) return null;
  const [coding] = codings as [string];
  if (codings.length > 1 || !CODINGS.has(coding)) throw unsupported();
  return coding;
}

const unsupported = (): OutboundError => new OutboundError('upstream_encoding_unsupported');

/** The decoded body, in pieces. Ends with an error as soon as received or decoded bytes pass a limit. */
export function decoded(
  source: AsyncIterable<Buffer>,
  coding: string | null,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  const received = counted(source, maxBytes);
  return coding === null ? received.pieces : undone(received, coding, maxBytes);
}

async function* undone(received: Counted, coding: string, maxBytes: number): AsyncGenerator<Buffer> {
  const first = await received.pieces.next();
  if (first.done === true) return;
  const all = startingWith(first.value, received.pieces);
  let bytes = 0;
  for await (const piece of coding === 'zstd' ? unzstd(all) : unzipped(all, coding, first.value)) {
    bytes += piece.length;
    const isBomb = bytes > RATIO_FREE_BYTES && bytes > received.bytes() * RATIO_MAX;
    if (bytes > maxBytes || isBomb) throw new OutboundError('upstream_too_large');
    yield piece;
  }
}

interface Counted {
  readonly pieces: AsyncGenerator<Buffer>;
  readonly bytes: () => number;
}

function counted(source: AsyncIterable<Buffer>, maxBytes: number): Counted {
  let bytes = 0;
  async function* pieces(): AsyncGenerator<Buffer> {
    for await (const piece of source) {
      bytes += piece.length;
      if (bytes > maxBytes) throw new OutboundError('upstream_too_large');
      if (piece.length > 0) yield piece;
    }
  }
  return { pieces: pieces(), bytes: () => bytes };
}

async function* startingWith(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

function unzipped(all: AsyncIterable<Buffer>, coding: string, first: Buffer): AsyncIterable<Buffer> {
  const decoder = decoderFor(coding, first);
  pipeline(all, decoder, () => undefined);
  return decoder as AsyncIterable<Buffer>;
}

/** `deflate` is zlib by the book (RFC 9110, 8.4.1.2) and raw with some servers; the first byte tells them apart. */
function decoderFor(coding: string, first: Buffer): Transform {
  if (coding === 'br') return createBrotliDecompress();
  if (coding !== 'deflate') return createGunzip();
  return ((first[0] as number) & 0x0f) === 8 ? createInflate() : createInflateRaw();
}
