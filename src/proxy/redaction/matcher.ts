import type { History } from './history.js';
import type { Pattern } from './patterns.js';
import { endOf, startOf, type Run } from './run.js';

export type Cut = { readonly start: number; readonly end: number };

const PADDING = '='.charCodeAt(0);
const PADDING_MAX = 2;

/** Finds one pattern in a stream of characters (Knuth, Morris, Pratt): it never looks back, and knows how far a match has come. */
export class Matcher {
  readonly #pattern: Pattern;
  readonly #fallback: Uint32Array;
  #matched = 0;
  /** What may still belong to the match that has just ended: a shared character, then padding. */
  #tail = { shared: false, padding: 0 };

  constructor(pattern: Pattern) {
    this.#pattern = pattern;
    this.#fallback = fallbacks(pattern.symbols);
  }

  scan(run: Run, history: History, cuts: Cut[]): void {
    const { symbols, alphabet } = this.#pattern;
    const { bytes } = run;
    const last = symbols.length;
    let matched = this.#matched;
    this.#takeTail(run, 0, cuts);
    for (let at = 0; at < bytes.length; at += 1) {
      const symbol = alphabet[bytes[at] as number] as number;
      while (matched > 0 && symbols[matched] !== symbol) matched = this.#fallback[matched - 1] as number;
      if (symbols[matched] === symbol) matched += 1;
      if (matched === last) {
        cuts.push({ start: history.startAt(this.#withShared(at - last + 1, history)), end: endOf(run, at) });
        const hasSeam = this.#pattern.after !== null;
        this.#tail = { shared: hasSeam, padding: hasSeam ? PADDING_MAX : 0 };
        this.#takeTail(run, at + 1, cuts);
        matched = this.#fallback[last - 1] as number;
      }
    }
    this.#matched = matched;
  }

  /** Raw offset of what could still become part of a match, or `upTo` of the run. */
  heldFrom(run: Run, history: History): number {
    const first = this.#withShared(run.bytes.length - this.#matched, history);
    return first < run.bytes.length ? history.startAt(first) : run.upTo;
  }

  /** One position earlier, when the character there shares bits with the secret. */
  #withShared(first: number, history: History): number {
    const { before, alphabet } = this.#pattern;
    if (before === null || !history.has(first - 1)) return first;
    return before.has(alphabet[history.byteAt(first - 1)] as number) ? first - 1 : first;
  }

  #takeTail(run: Run, from: number, cuts: Cut[]): void {
    let { shared, padding } = this.#tail;
    let at = from;
    for (; at < run.bytes.length && (shared || padding > 0); at += 1) {
      const byte = run.bytes[at] as number;
      const isShared = shared && this.#pattern.after?.has(this.#pattern.alphabet[byte] as number) === true;
      const isPadding = padding > 0 && byte === PADDING;
      shared = false;
      if (isPadding) padding -= 1;
      else if (!isShared) padding = 0;
      if (isShared || isPadding) cuts.push({ start: startOf(run, at), end: endOf(run, at) });
    }
    this.#tail = { shared, padding };
  }
}

/** For each prefix, the length of its longest proper prefix that is also its suffix. */
function fallbacks(symbols: Uint8Array): Uint32Array {
  const table = new Uint32Array(symbols.length);
  let length = 0;
  for (let at = 1; at < symbols.length; at += 1) {
    while (length > 0 && symbols[length] !== symbols[at]) length = table[length - 1] as number;
    if (symbols[length] === symbols[at]) length += 1;
    table[at] = length;
  }
  return table;
}
