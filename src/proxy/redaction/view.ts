import type { EscapeKind } from './escapes.js';
import { History } from './history.js';
import { Matcher, type Cut } from './matcher.js';
import type { PatternSet } from './patterns.js';
import type { Run } from './run.js';
import { Unescape } from './unescape.js';

/** One way to read an answer: decoders on top of each other, and the patterns looked for in what they leave. */
export class View {
  readonly #decoders: readonly Unescape[];
  readonly #matchers: readonly Matcher[];
  readonly #history: History;
  /** A bit for every matcher that has a match begun. */
  #begun = 0;

  constructor(
    kinds: readonly EscapeKind[],
    private readonly set: PatternSet,
  ) {
    this.#decoders = kinds.map((kind) => new Unescape(kind));
    this.#matchers = set.patterns.map((pattern) => new Matcher(pattern));
    this.#history = new History(set.longest + 1);
  }

  /** Adds what it finds to `cuts`; answers with the raw offset from which on nothing may leave yet. */
  push(run: Run, cuts: Cut[]): number {
    return this.#match(
      this.#decoders.reduce((seen, decoder) => decoder.push(seen), run),
      cuts,
    );
  }

  flush(run: Run, cuts: Cut[]): void {
    this.#match(
      this.#decoders.reduce((seen, decoder) => decoder.flush(seen), run),
      cuts,
    );
  }

  #match(run: Run, cuts: Cut[]): number {
    const matchers = this.#matchers;
    this.#history.advance(run);
    for (const matcher of matchers) matcher.takeTail(run, 0, cuts);
    this.#step(run, cuts);
    return matchers.reduce((least, matcher) => Math.min(least, matcher.heldFrom(run, this.#history)), run.upTo);
  }

  /** Most characters start nothing and meet nothing begun: they cost one look-up. */
  #step(run: Run, cuts: Cut[]): void {
    const { bytes } = run;
    const { starts } = this.set;
    let begun = this.#begun;
    for (let at = 0; at < bytes.length; at += 1) {
      let due = begun | (starts[bytes[at] as number] as number);
      for (let index = 0; due !== 0; index += 1, due >>= 1) {
        if ((due & 1) === 0) continue;
        const bit = 1 << index;
        const goesOn = (this.#matchers[index] as Matcher).step(run, at, this.#history, cuts);
        begun = goesOn ? begun | bit : begun & ~bit;
      }
    }
    this.#begun = begun;
  }
}
