import type { TenantDatabase } from '../platform/database/tenant-database.js';
import { readEntries, readHead, type StoredEntry } from './audit.repository.js';
import type { EntryRef } from '../tenancy/acts.js';

const PAGE = 500;

/** A tenant's entries from the first up to a head read before, paged by key: no snapshot and no connection between pages. */
export async function* chainUpTo(
  database: TenantDatabase,
  tenantId: string,
  head: EntryRef,
): AsyncGenerator<StoredEntry> {
  let after = 0;
  while (after < head.seq) {
    const page = { afterSeq: after, beforeSeq: head.seq + 1, order: 'asc', limit: PAGE } as const;
    const rows = await database.inTenant(tenantId, (tx) => readEntries(tx, page), { readOnly: true });
    if (rows.length === 0) return;
    yield* rows;
    after = (rows.at(-1) as StoredEntry).entry.seq;
  }
}

export function headOf(database: TenantDatabase, tenantId: string): Promise<EntryRef> {
  return database.inTenant(tenantId, (tx) => readHead(tx), { readOnly: true });
}
