import { LRUCache } from 'lru-cache';

export type Take = Readonly<{ allowed: boolean; remaining: number; resetSeconds: number }>;

type Bucket = { tokens: number; atMs: number };

/** Past this many keys the least recently used is forgotten: a flood of addresses costs memory no further. */
export const BUCKETS_MAX = 50_000;
export const WINDOW_SECONDS = 60;

/** One bucket a key: `perWindow` requests at once, refilled evenly over a minute. */
export class TokenBuckets {
  private readonly buckets = new LRUCache<string, Bucket>({ max: BUCKETS_MAX });
  private readonly perMs: number;

  constructor(readonly perWindow: number) {
    this.perMs = perWindow / (WINDOW_SECONDS * 1000);
  }

  take(key: string, nowMs: number): Take {
    const bucket = this.buckets.get(key) ?? this.#begin(key, nowMs);
    bucket.tokens = Math.min(this.perWindow, bucket.tokens + (nowMs - bucket.atMs) * this.perMs);
    bucket.atMs = nowMs;
    const allowed = bucket.tokens >= 1;
    if (allowed) bucket.tokens -= 1;
    const remaining = Math.floor(bucket.tokens);
    const missing = allowed ? remaining + 1 - bucket.tokens : 1 - bucket.tokens;
    return { allowed, remaining, resetSeconds: Math.max(1, Math.ceil(missing / this.perMs / 1000)) };
  }

  #begin(key: string, nowMs: number): Bucket {
    const bucket = { tokens: this.perWindow, atMs: nowMs };
    this.buckets.set(key, bucket);
    return bucket;
  }
}
