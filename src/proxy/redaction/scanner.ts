import { type Pattern, sharesBits } from './patterns.js';
import type { Run } from './run.js';
import type { Sieve } from './sieve.js';

export type Cut = { readonly start: number; readonly end: number };

/** All patterns of some secrets, made once for a call and read by every stream of it. */
export interface Wanted {
  readonly patterns: readonly Pattern[];
  readonly sieve: Sieve;
  /** For each byte, the patterns that it would begin. */
  readonly beginners: readonly (readonly number[])[];
  /** For each byte, 1 if it may carry bits of a secret just before a pattern. */
  readonly seams: Uint8Array;
  /** The characters of the longest pattern. */
  readonly longest: number;
}

const PADDING = '='.charCodeAt(0);
const PADDING_MAX = 2;

/** What may still belong to a match that has ended: a character with bits of the secret, then padding. */
type Tail = { readonly pattern: Pattern; shared: boolean; padding: number };

/**
 * Finds all patterns in one reading of a stream. The sieve says where to look; from there on each pattern that has begun is
 * followed character by character (Knuth, Morris, Pratt), which never looks back and knows how far a match has come.
 */
export class Scanner {
  #begun: number[] = [];
  #matched: Uint32Array;
  #tails: Tail[] = [];
  /** The last runs, as many as a match can have begun in. */
  #past: Run[] = [];

  constructor(private readonly wanted: Wanted) {
    this.#matched = new Uint32Array(wanted.patterns.length);
  }

  /** No match has begun, and none has ended that could go on. */
  get isIdle(): boolean {
    return this.#begun.length === 0 && this.#tails.length === 0;
  }

  copy(): Scanner {
    const twin = new Scanner(this.wanted);
    twin.#begun = [...this.#begun];
    twin.#matched = this.#matched.slice();
    twin.#tails = this.#tails.map((tail) => ({ ...tail }));
    twin.#past = [...this.#past];
    return twin;
  }

  /** Adds what it finds to `cuts`; answers with the raw offset from which on nothing may leave yet. */
  push(run: Run, cuts: Cut[]): number {
    const { bytes } = run;
    this.#tails = this.#tails.filter((tail) => takeTail(tail, run, 0, cuts));
    for (let at = 0; at < bytes.length; at += 1) {
      if (this.#begun.length === 0) {
        at = this.wanted.sieve.next(bytes, at);
        if (at >= bytes.length) break;
      }
      this.#step(run, at, cuts);
    }
    const held = this.#begun.reduce((least, index) => Math.min(least, this.#heldFrom(run, index)), this.#seamOf(run));
    this.#remember(run);
    return held;
  }

  #step(run: Run, at: number, cuts: Cut[]): void {
    const byte = run.bytes[at] as number;
    const { patterns, beginners } = this.wanted;
    const matched = this.#matched;
    const follow = (index: number): boolean => {
      const { symbols, alphabet, fallback } = patterns[index] as Pattern;
      const symbol = alphabet.symbolOf[byte] as number;
      let count = matched[index] as number;
      while (count > 0 && symbols[count] !== symbol) count = fallback[count - 1] as number;
      if (symbols[count] === symbol) count += 1;
      if (count === symbols.length) {
        this.#cut(run, at, patterns[index] as Pattern, cuts);
        count = fallback[count - 1] as number;
      }
      matched[index] = count;
      return count > 0;
    };
    const beginning = beginners[byte]?.filter((index) => matched[index] === 0) ?? [];
    if (this.#begun.length > 0) this.#begun = this.#begun.filter(follow);
    for (const index of beginning) if (follow(index)) this.#begun.push(index);
  }

  #heldFrom(run: Run, index: number): number {
    const pattern = this.wanted.patterns[index] as Pattern;
    return this.#startAt(run, this.#withShared(run, run.bytes.length - (this.#matched[index] as number), pattern));
  }

  #cut(run: Run, lastAt: number, pattern: Pattern, cuts: Cut[]): void {
    const first = this.#withShared(run, lastAt - pattern.symbols.length + 1, pattern);
    cuts.push({ start: this.#startAt(run, first), end: run.endOf(lastAt) });
    if (pattern.after === null) return;
    const tail = { pattern, shared: true, padding: PADDING_MAX };
    if (takeTail(tail, run, lastAt + 1, cuts)) this.#tails.push(tail);
  }

  /** One position earlier, when the character there shares bits with the secret. */
  #withShared(run: Run, first: number, { before, alphabet }: Pattern): number {
    if (before === null) return first;
    const [byte] = this.#at(run, first - 1) ?? [];
    return byte !== undefined && sharesBits(before, alphabet.symbolOf[byte] as number) ? first - 1 : first;
  }

  /** Where the last character begins if it may share bits with a secret that comes next, or else where the run ends. */
  #seamOf(run: Run): number {
    const [byte, start] = this.#at(run, run.bytes.length - 1) ?? [];
    return byte !== undefined && start !== undefined && this.wanted.seams[byte] === 1 ? start : run.upTo;
  }

  #startAt(run: Run, position: number): number {
    return this.#at(run, position)?.[1] ?? run.upTo;
  }

  /** The character at a position and where it begins; positions count from the start of `run`, earlier ones are negative. */
  #at(run: Run, position: number): [byte: number, start: number] | undefined {
    let from: Run | undefined = run;
    let index = position;
    for (let past = this.#past.length; index < 0;) {
      past -= 1;
      from = this.#past[past];
      if (from === undefined) return undefined;
      index += from.bytes.length;
    }
    return index < from.bytes.length ? [from.bytes[index] as number, from.startOf(index)] : undefined;
  }

  #remember(run: Run): void {
    if (run.bytes.length === 0) return;
    this.#past.push(run);
    let kept = 0;
    let first = this.#past.length;
    while (first > 0 && kept <= this.wanted.longest) {
      first -= 1;
      kept += (this.#past[first] as Run).bytes.length;
    }
    this.#past.splice(0, first);
  }
}

/** Cuts what follows a match and belongs to it. True: the run ended, and the next may go on with it. */
function takeTail(tail: Tail, run: Run, from: number, cuts: Cut[]): boolean {
  const { after, alphabet } = tail.pattern;
  for (let at = from; at < run.bytes.length; at += 1) {
    const byte = run.bytes[at] as number;
    const isShared = tail.shared && sharesBits(after, alphabet.symbolOf[byte] as number);
    const isPadding = !isShared && tail.padding > 0 && byte === PADDING;
    tail.shared = false;
    if (isPadding) tail.padding -= 1;
    if (!isShared && !isPadding) return false;
    cuts.push({ start: run.startOf(at), end: run.endOf(at) });
    if (tail.padding === 0) return false;
  }
  return true;
}
