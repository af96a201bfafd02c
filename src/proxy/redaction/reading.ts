import { HTML_ENTITY, JSON_STRING, lettersBefore, LINE_BREAK, PERCENT, QUOTED_PRINTABLE } from './escapes.js';
import type { Run } from './run.js';
import type { Cut, Scanner } from './scanner.js';
import { Unescape } from './unescape.js';

/** The escapes that may lie on top of each other, from the outside in. Each may be there or not. */
export const LAYERS = [
  JSON_STRING,
  JSON_STRING,
  QUOTED_PRINTABLE,
  HTML_ENTITY,
  PERCENT,
  PERCENT,
  JSON_STRING,
  LINE_BREAK,
] as const;

/** The layers that may come next behind one; of the same kind, the nearest. */
const NEXT = [-1, ...LAYERS.keys()].map((layer) =>
  [...LAYERS.keys()].filter((next) => next > layer && LAYERS.indexOf(LAYERS[next]!, layer + 1) === next),
);
const nextOf = (layer: number): readonly number[] => NEXT[layer + 1] as readonly number[];

/**
 * One way to read an answer: some of the layers undone, the others taken for text. All ways are looked at, because nobody can
 * tell `%` before a secret from the beginning of an escape. Most of them see the same most of the time, so a reading exists from
 * the moment it sees something else than the one it comes from, until they could not be told apart again.
 */
export class Reading {
  readonly #inner = new Map<number, Reading>();
  #lastIsRaw = true;
  /** How many letters of a line stood at the end of what it saw. */
  #letters = 0;

  constructor(
    private readonly layer: number,
    private readonly decoder: Unescape | null,
    private readonly scanner: Scanner,
  ) {}

  /** Adds what it and those inside it find to `cuts`; answers with the raw offset from which on nothing may leave yet. */
  push(run: Run, cuts: Cut[], isLast: boolean): number {
    let held = run.upTo;
    // The inner ones first: one that begins here takes over how far this one had come before this run.
    for (const layer of nextOf(this.layer)) held = Math.min(held, this.#pushInner(layer, run, cuts, isLast));
    const last = run.bytes.length - 1;
    if (last >= 0) this.#lastIsRaw = run.upTo - run.startOf(last) === 1;
    this.#letters = lettersBefore(run.bytes, run.bytes.length, this.#letters);
    return Math.min(held, this.scanner.push(run, cuts));
  }

  /** Forgets readings that would go on as this one does. */
  rejoin(): void {
    if (this.#inner.size > 0 && this.#isSettled) this.#inner.clear();
  }

  get #isSettled(): boolean {
    const own = this.scanner.isIdle && this.#lastIsRaw && (this.decoder?.isIdle ?? true);
    const isAlike = (reading: Reading): boolean => reading.#isSettled && reading.#letters === this.#letters;
    return own && [...this.#inner.values()].every(isAlike);
  }

  #pushInner(layer: number, run: Run, cuts: Cut[], isLast: boolean): number {
    const known = this.#inner.get(layer);
    if (known !== undefined) return known.push(known.#decoded(run, isLast), cuts, isLast);
    const kind = LAYERS[layer]!;
    if (kind.find(run.bytes, 0, this.#letters) < 0) return run.upTo;
    const decoder = new Unescape(kind, this.#letters);
    const decoded = isLast ? decoder.flush(run) : decoder.push(run);
    if (decoded === run) return run.upTo;
    const begun = this.#branch(layer, decoder);
    this.#inner.set(layer, begun);
    return begun.push(decoded, cuts, isLast);
  }

  #decoded(run: Run, isLast: boolean): Run {
    const { decoder } = this;
    if (decoder === null) return run;
    return isLast ? decoder.flush(run) : decoder.push(run);
  }

  /** A reading with one layer more undone, which until now saw what this one saw. */
  #branch(layer: number, decoder: Unescape): Reading {
    const begun = new Reading(layer, decoder, this.scanner.copy());
    begun.#letters = this.#letters;
    for (const next of nextOf(layer)) {
      const same = this.#ofKind(next);
      if (same !== undefined) begun.#inner.set(next, same.#copyAs(next));
    }
    return begun;
  }

  #copyAs(layer: number): Reading {
    return this.decoder === null ? this : this.#branch(layer, this.decoder.copy());
  }

  #ofKind(layer: number): Reading | undefined {
    return [...this.#inner.values()].find((reading) => reading.decoder?.kind === LAYERS[layer]);
  }
}
