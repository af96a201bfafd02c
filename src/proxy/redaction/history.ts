import { startOf, type Run } from './run.js';

/** The last characters of a stream: a match or a partial one may have begun in an earlier run. */
export class History {
  readonly #bytes: Uint8Array;
  readonly #starts: Float64Array;
  #run: Run = { bytes: new Uint8Array(0), base: 0, starts: null, upTo: 0 };
  #kept = 0;

  constructor(private readonly capacity: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#starts = new Float64Array(capacity);
  }

  /** `run` becomes the present; the one before it is remembered as far back as the capacity. */
  advance(run: Run): void {
    const last = this.#run;
    const taken = Math.min(last.bytes.length, this.capacity);
    const stay = Math.min(this.#kept, this.capacity - taken);
    this.#bytes.copyWithin(0, this.#kept - stay, this.#kept);
    this.#starts.copyWithin(0, this.#kept - stay, this.#kept);
    for (let index = 0; index < taken; index += 1) {
      const from = last.bytes.length - taken + index;
      this.#bytes[stay + index] = last.bytes[from] as number;
      this.#starts[stay + index] = startOf(last, from);
    }
    this.#kept = stay + taken;
    this.#run = run;
  }

  /** Positions count from the first character of the present run; earlier ones are negative. */
  has(position: number): boolean {
    return position >= -this.#kept;
  }

  byteAt(position: number): number {
    return (position < 0 ? this.#bytes[this.#kept + position] : this.#run.bytes[position]) as number;
  }

  startAt(position: number): number {
    return position < 0 ? (this.#starts[this.#kept + position] as number) : startOf(this.#run, position);
  }
}
