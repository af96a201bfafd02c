import { type EscapeKind, lettersBefore } from './escapes.js';
import { DecodedRun, JoinedRun, type Place, type Run } from './run.js';

const NOTHING = new Uint8Array(0);

/** Undoes one kind of escape in a stream. An escape cut off by the end of a run waits for the next. */
export class Unescape {
  #bytes: Uint8Array = NOTHING;
  #places: readonly Place[] = [];

  /** `letters`: how many letters of a line stood directly before the first run. */
  constructor(
    readonly kind: EscapeKind,
    private letters: number,
  ) {}

  /** Nothing waits: the next run can be read without the one before. */
  get isIdle(): boolean {
    return this.#bytes.length === 0;
  }

  copy(): Unescape {
    const twin = new Unescape(this.kind, this.letters);
    twin.#bytes = this.#bytes;
    twin.#places = this.#places;
    return twin;
  }

  /** The same run when there is nothing to undo in it. */
  push(run: Run): Run {
    if (this.isIdle && this.kind.find(run.bytes, 0, this.letters) < 0) {
      this.letters = lettersBefore(run.bytes, run.bytes.length, this.letters);
      return run;
    }
    if (this.isIdle) return this.#decode(run, false);
    return this.#decode(new JoinedRun(this.#bytes, this.#places, run), false);
  }

  /** No more will come: an escape that was cut off is text. */
  flush(run: Run): Run {
    return this.#decode(this.isIdle ? run : new JoinedRun(this.#bytes, this.#places, run), true);
  }

  #decode(run: Run, isLast: boolean): Run {
    const { find, read } = this.kind;
    const { bytes } = run;
    const here = [0];
    const there = [0];
    let out: Uint8Array | null = null;
    let length = 0;
    let copied = 0;
    let end = bytes.length;
    for (let at = find(bytes, 0, this.letters); at >= 0;) {
      const escape = read(bytes, at);
      if (escape === 'incomplete' && !isLast) {
        end = at;
        break;
      }
      let next = at + 1;
      if (typeof escape !== 'string') {
        // No escape stands for more bytes than it has characters.
        out ??= new Uint8Array(bytes.length);
        out.set(bytes.subarray(copied, at), length);
        length += at - copied;
        here.push(length, length + escape.bytes.length);
        out.set(escape.bytes, length);
        length += escape.bytes.length;
        next = copied = at + escape.length;
        there.push(at, next);
      }
      at = find(bytes, next, this.letters);
    }
    this.letters = lettersBefore(bytes, end, this.letters);
    this.#bytes = bytes.slice(end);
    this.#places = Array.from(this.#bytes, (_unused, index) => ({
      start: run.startOf(end + index),
      end: run.endOf(end + index),
    }));
    if (out === null && end === bytes.length) return run;
    const upTo = end < bytes.length ? run.startOf(end) : run.upTo;
    if (out === null) return new DecodedRun(bytes.subarray(0, end), upTo, run, here, there);
    out.set(bytes.subarray(copied, end), length);
    return new DecodedRun(out.subarray(0, length + end - copied), upTo, run, here, there);
  }
}
