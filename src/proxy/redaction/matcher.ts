import type { History } from './history.js';
import { sharesBits, type Pattern } from './patterns.js';
import { endOf, startOf, type Run } from './run.js';

export type Cut = { readonly start: number; readonly end: number };

const PADDING = '='.charCodeAt(0);
const PADDING_MAX = 2;

/** Finds one pattern in a stream of characters (Knuth, Morris, Pratt): it never looks back, and knows how far a match has come. */
export class Matcher {
  #matched = 0;
  /** What may still belong to the match that has just ended: a shared character, then padding. */
  #awaitsShared = false;
  #awaitsPadding = 0;

  constructor(private readonly pattern: Pattern) {}

  /** Takes the next character. False: no match has begun, and only the pattern's first symbol can change that. */
  step(run: Run, at: number, history: History, cuts: Cut[]): boolean {
    const { symbols, alphabet, fallback } = this.pattern;
    const symbol = alphabet[run.bytes[at] as number] as number;
    let matched = this.#matched;
    while (matched > 0 && symbols[matched] !== symbol) matched = fallback[matched - 1] as number;
    if (symbols[matched] === symbol) matched += 1;
    if (matched === symbols.length) {
      this.#cut(run, at, history, cuts);
      matched = fallback[matched - 1] as number;
    }
    this.#matched = matched;
    return matched > 0;
  }

  /** Raw offset of what could still become part of a match, or `upTo` of the run. */
  heldFrom(run: Run, history: History): number {
    const first = this.#withShared(run.bytes.length - this.#matched, history);
    return first < run.bytes.length ? history.startAt(first) : run.upTo;
  }

  /** What follows a match and belongs to it is cut too; a match at the end of a run goes on doing so in the next. */
  takeTail(run: Run, from: number, cuts: Cut[]): void {
    const { after, alphabet } = this.pattern;
    for (let at = from; at < run.bytes.length && (this.#awaitsShared || this.#awaitsPadding > 0); at += 1) {
      const byte = run.bytes[at] as number;
      const isShared = this.#awaitsShared && sharesBits(after, alphabet[byte] as number);
      const isPadding = this.#awaitsPadding > 0 && byte === PADDING;
      this.#awaitsShared = false;
      if (isPadding) this.#awaitsPadding -= 1;
      else if (!isShared) this.#awaitsPadding = 0;
      if (isShared || isPadding) cuts.push({ start: startOf(run, at), end: endOf(run, at) });
    }
  }

  #cut(run: Run, lastAt: number, history: History, cuts: Cut[]): void {
    const first = this.#withShared(lastAt - this.pattern.symbols.length + 1, history);
    cuts.push({ start: history.startAt(first), end: endOf(run, lastAt) });
    this.#awaitsShared = this.pattern.after !== null;
    this.#awaitsPadding = this.#awaitsShared ? PADDING_MAX : 0;
    this.takeTail(run, lastAt + 1, cuts);
  }

  /** One position earlier, when the character there shares bits with the secret. */
  #withShared(first: number, history: History): number {
    const { before, alphabet } = this.pattern;
    if (before === null || !history.has(first - 1)) return first;
    return sharesBits(before, alphabet[history.byteAt(first - 1)] as number) ? first - 1 : first;
  }
}
