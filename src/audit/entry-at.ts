import type { TenantTx } from '../platform/database/tenant-tx.js';
import { readEntriesBetween, type StoredEntry } from './audit.repository.js';

export type { StoredEntry } from './audit.repository.js';

/** The entry at a position, or undefined: for rooms above that were told of it. */
export async function entryAt(tx: TenantTx, seq: number): Promise<StoredEntry | undefined> {
  return (await readEntriesBetween(tx, seq, seq))[0];
}
