import { Buckets } from '../platform/telemetry/buckets.js';

/** Up to the largest batch there is. */
const BOUNDS_ENTRIES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** How the committers of a process get on. */
export class CommitCounts {
  /** Entries of the batches that became durable. */
  readonly batches = new Buckets(BOUNDS_ENTRIES);
  /** Batches for which somebody else had moved the head first; they were decided again. */
  lost = 0;
}
