import type { EscapeKind } from './escapes.js';
import { History } from './history.js';
import { Matcher, type Cut } from './matcher.js';
import type { Pattern } from './patterns.js';
import { Unescape } from './unescape.js';
import type { Run } from './run.js';

/** One way to read an answer: decoders on top of each other, and the patterns looked for in what they leave. */
export class View {
  readonly #decoders: readonly Unescape[];
  readonly #matchers: readonly Matcher[];
  readonly #history: History;

  constructor(kinds: readonly EscapeKind[], patterns: readonly Pattern[]) {
    this.#decoders = kinds.map((kind) => new Unescape(kind));
    this.#matchers = patterns.map((pattern) => new Matcher(pattern));
    this.#history = new History(Math.max(...patterns.map(({ symbols }) => symbols.length)) + 1);
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
    this.#history.advance(run);
    let heldFrom = run.upTo;
    for (const matcher of this.#matchers) {
      matcher.scan(run, this.#history, cuts);
      heldFrom = Math.min(heldFrom, matcher.heldFrom(run, this.#history));
    }
    return heldFrom;
  }
}
