import { ownText } from '../platform/crypto/own-memory.js';
import type { OutboundResponse } from '../platform/outbound/outbound-message.js';
import { Redaction } from './redaction/redactor.js';

/** Where a secret was found. */
export type RedactedPlace = 'status' | 'header' | 'body' | 'trailer';

/** What leaves a body that is redacted while it arrives. */
export interface BodyRedactor {
  push(piece: Buffer): Buffer;
  /** No more will come. */
  flush(): Buffer;
}

type Headers = readonly (readonly [name: string, value: string])[];

/**
 * Takes the secrets out of one answer, part by part, and remembers how often it found one and where. Without any it leaves
 * everything as it is: for a credential that is stored unredacted (under 16 bytes, redacting what merely looks like it would
 * confirm a guess).
 */
export class AnswerRedaction {
  readonly #redaction: Redaction | null;
  readonly #places = new Set<RedactedPlace>();
  #count = 0;

  constructor(secrets: readonly { readonly bytes: Uint8Array }[]) {
    this.#redaction = secrets.length === 0 ? null : new Redaction(secrets.map(({ bytes }) => bytes));
  }

  get count(): number {
    return this.#count;
  }

  get places(): readonly RedactedPlace[] {
    return [...this.#places];
  }

  statusText(text: string): string {
    return this.#text(text, 'utf8', 'status');
  }

  /** Names and values. */
  headers(headers: Headers, place: 'header' | 'trailer' = 'header'): Headers {
    if (this.#redaction === null || headers.length === 0) return headers;
    // All of them at once: in most answers none needs a look of its own.
    const all = headers.map(([name, value]) => `${name}\n${value}`).join('\n');
    if (!this.#redaction.isSuspect(ownText(all, 'latin1'))) return headers;
    return headers.map(([name, value]) => [this.#text(name, 'latin1', place), this.#text(value, 'latin1', place)]);
  }

  body(): BodyRedactor {
    if (this.#redaction === null) return { push: (piece) => piece, flush: () => Buffer.alloc(0) };
    const stream = this.#redaction.stream();
    let seen = 0;
    const counted = (left: Buffer): Buffer => {
      this.#found(stream.count - seen, 'body');
      seen = stream.count;
      return left;
    };
    return { push: (piece) => counted(stream.push(piece)), flush: () => counted(stream.flush()) };
  }

  wholeBody(body: Buffer): Buffer {
    return this.#bytes(body, 'body');
  }

  #text(text: string, encoding: 'utf8' | 'latin1', place: RedactedPlace): string {
    // Not worth the bytes: no character is longer than three of them.
    if (this.#redaction === null || this.#redaction.isTooShort(text.length * 3)) return text;
    const bytes = ownText(text, encoding);
    const left = this.#bytes(bytes, place);
    return left === bytes ? text : left.toString(encoding);
  }

  #bytes(bytes: Buffer, place: RedactedPlace): Buffer {
    const redacted = this.#redaction?.redact(bytes);
    if (redacted === undefined || redacted.count === 0) return bytes;
    this.#found(redacted.count, place);
    return Buffer.from(redacted.text);
  }

  #found(count: number, place: RedactedPlace): void {
    if (count === 0) return;
    this.#count += count;
    this.#places.add(place);
  }
}

/** A whole answer without the secrets: status text, header names and values, and body. */
export function redactAnswer(answer: OutboundResponse, redaction: AnswerRedaction): OutboundResponse {
  return {
    status: answer.status,
    statusText: redaction.statusText(answer.statusText),
    headers: redaction.headers(answer.headers),
    body: redaction.wholeBody(answer.body),
  };
}
