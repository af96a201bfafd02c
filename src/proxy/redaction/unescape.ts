import type { EscapeKind } from './escapes.js';
import { startOf, type Run } from './run.js';

const NOTHING = new Uint8Array(0);

/** Undoes one kind of escape in a stream. An escape cut off by the end of a run waits for the next. */
export class Unescape {
  #bytes: Uint8Array = NOTHING;
  #starts: Float64Array = new Float64Array(0);

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
    const { introducer, read } = this.kind;
    const bytes = this.#bytes.length === 0 ? run.bytes : Buffer.concat([this.#bytes, run.bytes]);
    const starts = this.#startsWith(run);
    // No escape stands for more bytes than it has characters: the output is written over the input's offsets, never ahead of it.
    const out = new Uint8Array(bytes.length);
    let length = 0;
    let at = 0;
    while (at < bytes.length) {
      const next = bytes.indexOf(introducer, at);
      const plainEnd = next < 0 ? bytes.length : next;
      out.set(bytes.subarray(at, plainEnd), length);
      starts.copyWithin(length, at, plainEnd);
      length += plainEnd - at;
      at = plainEnd;
      if (at === bytes.length) break;

      const escape = read(bytes, at);
      if (escape === 'incomplete' && !isLast) break;
      const decoded = typeof escape === 'string' ? bytes.subarray(at, at + 1) : escape.bytes;
      out.set(decoded, length);
      starts.fill(starts[at] as number, length, length + decoded.length);
      length += decoded.length;
      at += typeof escape === 'string' ? 1 : escape.length;
    }
    const upTo = at < bytes.length ? (starts[at] as number) : run.upTo;
    this.#bytes = bytes.slice(at);
    this.#starts = starts.slice(at);
    return { bytes: out.subarray(0, length), base: 0, starts: starts.subarray(0, length), upTo };
  }

  /** The offsets of what waits and of the run, in one list. */
  #startsWith(run: Run): Float64Array {
    const waiting = this.#starts.length;
    const starts = new Float64Array(waiting + run.bytes.length);
    starts.set(this.#starts);
    if (run.starts === null) for (let at = 0; at < run.bytes.length; at += 1) starts[waiting + at] = startOf(run, at);
    else starts.set(run.starts, waiting);
    return starts;
  }
}
