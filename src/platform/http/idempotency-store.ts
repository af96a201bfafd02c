import type { Caller } from './caller.js';

/** One key means one act for one principal on one route. */
export type IdempotencyScope = Caller & Readonly<{ route: string }>;

/** What is kept of an answer: never a secret. */
export type KeptAnswer = Readonly<{
  status: number;
  view: unknown;
  /** The first answer held fields that `view` lacks. */
  secretShownOnce: boolean;
}>;

export type IdempotencyBegin =
  | Readonly<{ state: 'new' }>
  | Readonly<{ state: 'done'; answer: KeptAnswer }>
  /** The first request with this key is still at work. */
  | Readonly<{ state: 'in_progress' }>
  /** The key was used for another request. */
  | Readonly<{ state: 'mismatch' }>;

export const IDEMPOTENCY_KEEP_MS = 24 * 60 * 60 * 1000;

/**
 * Remembers answers for {@link IDEMPOTENCY_KEEP_MS}. `begin` decides atomically among concurrent requests; a `new` one
 * ends with `finish` or `abandon`. A process that dies between leaves `in_progress`, which the store lets lapse.
 */
export abstract class IdempotencyStore {
  abstract begin(scope: IdempotencyScope, key: string, fingerprint: Buffer): Promise<IdempotencyBegin>;
  abstract finish(scope: IdempotencyScope, key: string, answer: KeptAnswer): Promise<void>;
  abstract abandon(scope: IdempotencyScope, key: string): Promise<void>;
}
