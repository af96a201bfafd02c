import type { IncomingMessage } from 'node:http';
import { payloadTooLarge } from '../../platform/http/http.errors.js';
import type { ProblemError } from '../../platform/http/problem.js';
import { BODY_BYTES_MAX } from '../template-body.js';

/** The one body of a call: text in which placeholders stand, or bytes that go on as they come. */
export type CallerBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'template'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'stream'; readonly upload: Upload; readonly length: number | null };

const TEXT_TYPE =
  /^(?:text\/[^;]+|application\/(?:x-www-form-urlencoded|(?:x-)?(?:ndjson|jsonl|json-lines|jsonlines|json-seq)|xml|graphql)|[^/]+\/(?:[^/;]+\+)?json|[^/]+\/[^/;]+\+xml)$/;
/** A placeholder, or a careless spelling of one, which the template then refuses. */
const MENTIONS_CREDENTIAL = /\{\{\s{0,8}(?:CREDENTIAL(?:\.[\w.-]*)?|[Cc]redential)\s{0,8}\}\}/;

/** A body on its way through, counted. It never ends the connection it is read from: an answer still has to go out there. */
export class Upload implements AsyncIterable<Buffer> {
  /** Why it was broken off here, if it was. */
  fault: ProblemError | null = null;

  constructor(
    private readonly first: Buffer,
    private readonly rest: AsyncIterable<Buffer>,
    private readonly bytesMax: number,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    let bytes = this.first.length;
    if (bytes > 0) yield this.first;
    for await (const piece of this.rest) {
      bytes += piece.length;
      if (bytes > this.bytesMax) throw (this.fault = payloadTooLarge(this.bytesMax));
      yield piece;
    }
  }
}

/**
 * Reads a body that can hold a placeholder, up to what a template may hold; leaves any other, and a larger one, to be streamed.
 */
export async function readCallerBody(request: IncomingMessage, bytesMax: number): Promise<CallerBody> {
  const announced = request.headers['content-length'];
  const length = announced === undefined ? null : Number(announced);
  if (length === 0 || (length === null && request.headers['transfer-encoding'] === undefined)) return { kind: 'none' };
  if (length !== null && length > bytesMax) throw payloadTooLarge(bytesMax);
  const pieces = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  const rest = { [Symbol.asyncIterator]: () => pieces };
  const stream = (first: Buffer): CallerBody => ({ kind: 'stream', upload: new Upload(first, rest, bytesMax), length });
  if (!isScanned(request) || (length ?? 0) > BODY_BYTES_MAX) return stream(Buffer.alloc(0));

  const read: Buffer[] = [];
  let bytes = 0;
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
    read.push(next.value);
    bytes += next.value.length;
    if (bytes > BODY_BYTES_MAX) return stream(Buffer.concat(read));
  }
  const whole = Buffer.concat(read);
  const text = textOf(whole);
  return text !== null && MENTIONS_CREDENTIAL.test(text) ? { kind: 'template', text } : { kind: 'bytes', bytes: whole };
}

function isScanned({ headers }: IncomingMessage): boolean {
  const coding = headers['content-encoding'];
  const type = (headers['content-type'] ?? '').split(';', 1)[0] as string;
  return (coding === undefined || coding === 'identity') && TEXT_TYPE.test(type.trim().toLowerCase());
}

function textOf(bytes: Buffer): string | null {
  if (!bytes.includes('{{')) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
