import type { EscapeKind } from './escapes.js';
import { DecodedRun, JoinedRun, type Run } from './run.js';

const NOTHING = new Uint8Array(0);

/** Undoes one kind of escape in a stream. An escape cut off by the end of a run waits for the next. */
export class Unescape {
  #bytes: Uint8Array = NOTHING;
  #starts: readonly number[] = [];

  constructor(readonly kind: EscapeKind) {}

  /** Nothing waits: the next run can be read without the one before. */
  get isIdle(): boolean {
    return this.#bytes.length === 0;
  }

  copy(): Unescape {
    const twin = new Unescape(this.kind);
    twin.#bytes = this.#bytes;
    twin.#starts = this.#starts;
    return twin;
  }

  /** The same run when there is nothing to undo in it. */
  push(run: Run): Run {
    if (this.isIdle) return run.bytes.includes(this.kind.introducer) ? this.#decode(run, false) : run;
    return this.#decode(new JoinedRun(this.#bytes, this.#starts, run), false);
  }

  /** No more will come: an escape that was cut off is text. */
  flush(run: Run): Run {
    return this.#decode(this.isIdle ? run : new JoinedRun(this.#bytes, this.#starts, run), true);
  }

  #decode(run: Run, isLast: boolean): Run {
    const { introducer, read } = this.kind;
    const { bytes } = run;
    const here = [0];
    const there = [0];
    let out: Uint8Array | null = null;
    let length = 0;
    let copied = 0;
    let end = bytes.length;
    for (let at = bytes.indexOf(introducer); at >= 0;) {
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
      at = bytes.indexOf(introducer, next);
    }
    this.#bytes = bytes.slice(end);
    this.#starts = Array.from(this.#bytes, (_unused, index) => run.startOf(end + index));
    if (out === null && end === bytes.length) return run;
    const upTo = end < bytes.length ? run.startOf(end) : run.upTo;
    if (out === null) return new DecodedRun(bytes.subarray(0, end), upTo, run, here, there);
    out.set(bytes.subarray(copied, end), length);
    return new DecodedRun(out.subarray(0, length + end - copied), upTo, run, here, there);
  }
}
