import type { EscapeKind } from './escapes.js';
import { startOf, type Run } from './run.js';

const NOTHING = new Uint8Array(0);

/** Undoes one kind of escape in a stream. An escape cut off by the end of a run waits for the next. */
export class Unescape {
  #bytes: Uint8Array = NOTHING;
  #starts: number[] = [];

  constructor(private readonly kind: EscapeKind) {}

  push(run: Run): Run {
    const isPlain = this.#bytes.length === 0 && !run.bytes.includes(this.kind.introducer);
    return isPlain ? run : this.#decode(run, false);
  }

  /** No more will come: an escape that was cut off is text. */
  flush(run: Run): Run {
    return this.#decode(run, true);
  }

  #decode(run: Run, isLast: boolean): Run {
    const waiting = this.#bytes.length;
    const bytes = waiting === 0 ? run.bytes : Buffer.concat([this.#bytes, run.bytes]);
    const earlier = this.#starts;
    const rawStart = (index: number): number =>
      index < waiting ? (earlier[index] as number) : startOf(run, index - waiting);

    // No escape stands for more bytes than it has characters, so the output is never longer than the input.
    const out = new Uint8Array(bytes.length);
    const starts = new Float64Array(bytes.length);
    let length = 0;
    let at = 0;
    while (at < bytes.length) {
      const start = rawStart(at);
      const escape = bytes[at] === this.kind.introducer ? this.kind.read(bytes, at) : 'literal';
      if (escape === 'incomplete' && !isLast) break;
      if (typeof escape === 'string') {
        out[length] = bytes[at] as number;
        starts[length] = start;
        length += 1;
        at += 1;
      } else {
        out.set(escape.bytes, length);
        starts.fill(start, length, length + escape.bytes.length);
        length += escape.bytes.length;
        at += escape.length;
      }
    }
    const upTo = at < bytes.length ? rawStart(at) : run.upTo;
    this.#starts = Array.from({ length: bytes.length - at }, (_unused, index) => rawStart(at + index));
    this.#bytes = bytes.slice(at);
    return { bytes: out.subarray(0, length), base: 0, starts: starts.subarray(0, length), upTo };
  }
}
