/** What this package needs of a cache; a `Map` that forgets fits, and so does `lru-cache`. */
export type Cache<K, V> = {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
};

/** A map that keeps the `max` most recently used entries. */
export class BoundedCache<K, V> implements Cache<K, V> {
  private readonly entries = new Map<K, V>();

  /** @throws {RangeError} when `max` is not a positive integer */
  constructor(private readonly max: number) {
    if (!Number.isSafeInteger(max) || max < 1) throw new RangeError('a cache holds at least one entry');
  }

  /** How many entries it holds, never more than its bound. */
  get size(): number {
    return this.entries.size;
  }

  /** The value of `key`, which becomes the most recently used. */
  get(key: K): V | undefined {
    const value = this.entries.get(key);
    if (value === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, value);
    return value;
  }

  /** Keeps `value`; past the bound the least recently used entry is forgotten. */
  set(key: K, value: V): void {
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size > this.max) this.entries.delete(this.entries.keys().next().value as K);
  }
}
