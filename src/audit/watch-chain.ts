import type { TenantTx } from '../platform/database/tenant-tx.js';
import { setWatched } from './audit.repository.js';

/**
 * Says whether notable entries are told of from now on. Under the head's lock, which an act holds: every entry is then
 * before it or behind it.
 */
export function watchChain(tx: TenantTx, watched: boolean): Promise<void> {
  return setWatched(tx, watched);
}
