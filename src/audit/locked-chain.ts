import type { TenantTx } from '../platform/database/tenant-tx.js';
import { appendLocked, readHead } from './audit.repository.js';
import type { EntryDraft, EntryRef } from '../tenancy/acts.js';
import { finish } from './chain.js';

/**
 * A tenant's chain under its head's lock, for administrative acts. Every write that changes what a decision reads takes
 * this lock first and appends its own entry in the same transaction, so each use is ordered against it (design 4.5).
 */
export class LockedChain {
  #last: EntryRef;

  private constructor(
    private readonly tx: TenantTx,
    last: EntryRef,
    private readonly nowMs: number,
  ) {
    this.#last = last;
  }

  /** Locks the head; other administrative acts of the tenant wait, uses in flight lose their swap. */
  static async lock(tx: TenantTx, nowMs: number): Promise<LockedChain> {
    return new LockedChain(tx, await readHead(tx, true), nowMs);
  }

  /** Appends one entry; it commits with the caller's transaction or not at all. */
  async append(draft: EntryDraft): Promise<EntryRef> {
    const entry = finish(this.tx.tenantId, this.#last, draft, this.nowMs);
    await appendLocked(this.tx, [entry]);
    this.#last = { seq: entry.seq, hash: entry.hash };
    return this.#last;
  }
}
