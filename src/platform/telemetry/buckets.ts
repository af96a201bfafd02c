/** How often something came to how much, as a histogram of Prometheus counts it: plain numbers, cheap enough for every call. */
export class Buckets {
  readonly #counts: Float64Array;
  #sum = 0;

  /** `bounds` rise; what is above the last is counted too. */
  constructor(readonly bounds: readonly number[]) {
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let place = 0;
    while (place < this.bounds.length && value > (this.bounds[place] as number)) place += 1;
    this.#counts[place] = (this.#counts[place] as number) + 1;
    this.#sum += value;
  }

  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** How many were at most each bound. */
  upTo(): readonly (readonly [bound: number, count: number])[] {
    let sum = 0;
    return this.bounds.map((bound, place) => [bound, (sum += this.#counts[place] as number)] as const);
  }
}
