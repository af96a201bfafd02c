import { ownConcat, ownCopy } from '../../platform/crypto/own-memory.js';
import { holds } from './escapes.js';
import { LAYERS, Reading } from './reading.js';
import { type Form, formsOf, patternOf, symbolsSharing } from './patterns.js';
import { RawRun } from './run.js';
import { type Cut, Scanner, type Wanted } from './scanner.js';
import { Sieve } from './sieve.js';

export const REDACTED = Buffer.from('[redacted]');

/** Secrets as they are looked for, all at once: made once for a call, used for each header and the body. */
export class Redaction {
  readonly #forms: readonly Form[];
  readonly #sieve: Sieve;
  /** Made when the sieve first finds a text suspect, or a stream begins: most answers are small and hold nothing like it. */
  #wanted: Wanted | null = null;
  /** No form of a secret is shorter than the secret itself, so shorter texts need no look. */
  readonly #shortest: number;

  constructor(secrets: readonly Uint8Array[]) {
    if (secrets.length === 0) throw new RangeError('there is nothing to redact');
    if (secrets.some(({ length }) => length === 0)) throw new RangeError('an empty secret cannot be redacted');
    this.#shortest = Math.min(...secrets.map(({ length }) => length));
    const forms: Form[] = [];
    for (const secret of secrets) forms.push(...formsOf(secret));
    this.#forms = forms;
    this.#sieve = new Sieve(this.#forms);
  }

  stream(): Redactor {
    this.#wanted ??= wantedOf(this.#forms, this.#sieve);
    return new Redactor(new Reading(-1, null, new Scanner(this.#wanted)));
  }

  /** Whether a text of so many bytes can hold none of them. */
  isTooShort(length: number): boolean {
    return length < this.#shortest;
  }

  /** False when it has nothing to undo and not the beginning of any form: so it is with most texts, and with each of their parts. */
  isSuspect(text: Uint8Array): boolean {
    if (this.isTooShort(text.length)) return false;
    return ESCAPES.some((kind) => holds(kind, text)) || this.#sieve.isSuspect(text);
  }

  /** A whole text at once, with the number of places that were redacted. */
  redact(text: Uint8Array): { readonly text: Uint8Array; readonly count: number } {
    if (!this.isSuspect(text)) return { text, count: 0 };
    const redactor = this.stream();
    const pieces: Buffer[] = [];
    for (let from = 0; from < text.length; from += SLICE_BYTES)
      pieces.push(redactor.push(text.subarray(from, from + SLICE_BYTES)));
    pieces.push(redactor.flush());
    return redactor.count === 0 ? { text, count: 0 } : { text: Buffer.concat(pieces), count: redactor.count };
  }
}

const ESCAPES = [...new Set(LAYERS)];
const SLICE_BYTES = 65_536;
const NO_BEGINNERS: readonly number[][] = Array.from({ length: 256 }, () => []);

function wantedOf(forms: readonly Form[], sieve: Sieve): Wanted {
  const patterns = forms.map(patternOf);
  const beginners: number[][] = Array.from(NO_BEGINNERS);
  const seams = new Uint8Array(256);
  let longest = 0;
  patterns.forEach(({ alphabet: { bytesOf }, symbols, before }, index) => {
    for (const byte of bytesOf[symbols[0] as number] ?? []) beginners[byte] = [...(beginners[byte] ?? []), index];
    for (const symbol of symbolsSharing(before)) for (const byte of bytesOf[symbol] ?? []) seams[byte] = 1;
    longest = Math.max(longest, symbols.length);
  });
  return { patterns, beginners, seams, longest, sieve };
}

/**
 * Replaces secrets in a stream, in plain, hexadecimal and base64, whatever of it is escaped. `push` answers with what can safely
 * leave: all but a possible beginning of one at the very end.
 */
export class Redactor {
  #cuts: Cut[] = [];
  #held: Buffer = Buffer.alloc(0);
  #heldFrom = 0;
  #redactedUpTo = -1;
  #count = 0;

  constructor(private readonly reading: Reading) {}

  /** Places redacted so far. */
  get count(): number {
    return this.#count;
  }

  push(chunk: Uint8Array): Buffer {
    const run = new RawRun(chunk, this.#heldFrom + this.#held.length);
    const safe = this.reading.push(run, this.#cuts, false);
    this.reading.rejoin();
    this.#held = this.#held.length === 0 ? ownCopy(chunk) : ownConcat([this.#held, chunk]);
    return this.#release(safe);
  }

  flush(): Buffer {
    const run = new RawRun(Buffer.alloc(0), this.#heldFrom + this.#held.length);
    this.reading.push(run, this.#cuts, true);
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
