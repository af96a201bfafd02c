import { HTML_ENTITY, JSON_STRING, PERCENT, type EscapeKind } from './escapes.js';
import type { Cut } from './matcher.js';
import { patternsOf, type PatternSet, SECRETS_PER_SET_MAX } from './patterns.js';
import { rawRun } from './run.js';
import { View } from './view.js';

export const REDACTED = Buffer.from('[redacted]');

/** Secrets as they are looked for, all at once: made once for a call, used for each header and the body. */
export class Redaction {
  readonly #searches: readonly { readonly kinds: readonly EscapeKind[]; readonly patterns: PatternSet }[];
  /** No form of a secret is shorter than the secret itself, so shorter texts need no look. */
  readonly #shortest: number;

  constructor(secrets: readonly Uint8Array[]) {
    if (secrets.length === 0) throw new RangeError('there is nothing to redact');
    if (secrets.some(({ length }) => length === 0)) throw new RangeError('an empty secret cannot be redacted');
    this.#shortest = Math.min(...secrets.map(({ length }) => length));
    this.#searches = searchesFor(secrets);
  }

  stream(): Redactor {
    return new Redactor(this.#searches.map(({ kinds, patterns }) => new View(kinds, patterns)));
  }

  /** A whole text at once, with the number of places that were redacted. */
  redact(text: Uint8Array): { readonly text: Uint8Array; readonly count: number } {
    if (text.length < this.#shortest) return { text, count: 0 };
    const redactor = this.stream();
    const pieces: Buffer[] = [];
    for (let from = 0; from < text.length; from += SLICE_BYTES)
      pieces.push(redactor.push(text.subarray(from, from + SLICE_BYTES)));
    pieces.push(redactor.flush());
    return redactor.count === 0 ? { text, count: 0 } : { text: Buffer.concat(pieces), count: redactor.count };
  }
}

const SLICE_BYTES = 65_536;

/** Secrets that need the same readings are looked for together. */
function searchesFor(secrets: readonly Uint8Array[]) {
  const readings = new Map<string, { kinds: readonly EscapeKind[]; secrets: Uint8Array[] }>();
  for (const secret of secrets) {
    for (const kinds of readingsFor(secret)) {
      const key = kinds.map(({ introducer }) => introducer).join();
      const known = readings.get(key);
      if (known === undefined) readings.set(key, { kinds, secrets: [secret] });
      else known.secrets.push(secret);
    }
  }
  return [...readings.values()].flatMap(({ kinds, secrets: all }) =>
    Array.from({ length: Math.ceil(all.length / SECRETS_PER_SET_MAX) }, (_unused, at) => ({
      kinds,
      patterns: patternsOf(all.slice(at * SECRETS_PER_SET_MAX, (at + 1) * SECRETS_PER_SET_MAX)),
    })),
  );
}

/**
 * The escapes to undo, from the outside in. A decoder leaves a secret alone that does not hold its introducer, however often the
 * text was really escaped; for one that does, text with fewer layers has to be read as well, without that decoder.
 */
function readingsFor(secret: Uint8Array): EscapeKind[][] {
  let readings: EscapeKind[][] = [[]];
  for (const [kind, layers] of [
    [JSON_STRING, 2],
    [HTML_ENTITY, 1],
    [PERCENT, 2],
  ] as const) {
    const fewest = secret.includes(kind.introducer) ? 0 : layers;
    const choices = Array.from({ length: layers - fewest + 1 }, (_unused, extra) =>
      Array<EscapeKind>(fewest + extra).fill(kind),
    );
    readings = readings.flatMap((reading) => choices.map((choice) => [...reading, ...choice]));
  }
  return readings;
}

/**
 * Replaces secrets in a stream, in plain, hexadecimal and base64, whatever of it is escaped. `push` answers with what can safely
 * leave: all but a possible beginning of one at the very end.
 */
export class Redactor {
  readonly #views: readonly View[];
  #cuts: Cut[] = [];
  #held: Buffer = Buffer.alloc(0);
  #heldFrom = 0;
  #redactedUpTo = -1;
  #count = 0;

  constructor(views: readonly View[]) {
    this.#views = views;
  }

  /** Places redacted so far. */
  get count(): number {
    return this.#count;
  }

  push(chunk: Uint8Array): Buffer {
    const run = rawRun(chunk, this.#heldFrom + this.#held.length);
    const safe = this.#views.reduce((least, view) => Math.min(least, view.push(run, this.#cuts)), run.upTo);
    this.#held = this.#held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#held, chunk]);
    return this.#release(safe);
  }

  flush(): Buffer {
    const run = rawRun(Buffer.alloc(0), this.#heldFrom + this.#held.length);
    for (const view of this.#views) view.flush(run, this.#cuts);
    return this.#release(run.upTo);
  }

  /** Lets go what lies before `safe`, with one mark for each cut or group of cuts that touch. */
  #release(safe: number): Buffer {
    const pieces: Buffer[] = [];
    let at = this.#heldFrom;
    const keep = (to: number): void => {
      const from = Math.max(at, this.#redactedUpTo);
      if (to > from) pieces.push(this.#held.subarray(from - this.#heldFrom, to - this.#heldFrom));
      at = Math.max(at, to);
    };
    const due = this.#cuts.filter(({ start }) => start < safe).sort((a, b) => a.start - b.start);
    for (const { start, end } of due) {
      if (start > this.#redactedUpTo) {
        keep(start);
        pieces.push(REDACTED);
        this.#count += 1;
      }
      this.#redactedUpTo = Math.max(this.#redactedUpTo, end);
    }
    keep(safe);
    this.#cuts = this.#cuts.filter(({ start }) => start >= safe);
    this.#held = this.#held.subarray(safe - this.#heldFrom);
    this.#heldFrom = safe;
    return Buffer.concat(pieces);
  }
}
