import { Injectable } from '@nestjs/common';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { readEntries, readEntriesBetween, readHead, type StoredEntry } from './audit.repository.js';
import { Committers } from './committers.js';

export interface ListEntriesInput {
  readonly order: 'asc' | 'desc';
  /** The position of the last entry of the page before. */
  readonly after: number | undefined;
  readonly limit: number;
}

/** A page of a tenant's entries, from either end. */
@Injectable()
export class ListEntries {
  constructor(
    private readonly database: TenantDatabase,
    private readonly committers: Committers,
  ) {}

  async execute(tenantId: string, input: ListEntriesInput): Promise<StoredEntry[]> {
    await this.committers.drained(tenantId);
    return this.database.inTenant(tenantId, (tx) => page(tx, input), { isolation: 'repeatable read', readOnly: true });
  }
}

/**
 * Positions have no holes, so a page is an exact range: without statistics, which could tell of other tenants, the
 * planner answers a LIMIT by sorting the whole chain. A chain that does have holes was tampered with, and costs that.
 */
async function page(tx: TenantTx, { order, after, limit }: ListEntriesInput): Promise<StoredEntry[]> {
  const { seq: headSeq } = await readHead(tx);
  const from = order === 'asc' ? (after ?? 0) + 1 : Math.max(1, (after ?? headSeq + 1) - limit);
  const to = Math.min(headSeq, order === 'asc' ? from + limit - 1 : (after ?? headSeq + 1) - 1);
  const entries = await readEntriesBetween(tx, from, to);
  if (entries.length === Math.max(0, to - from + 1)) return order === 'asc' ? entries : entries.reverse();
  const bound = after === undefined ? {} : order === 'asc' ? { afterSeq: after } : { beforeSeq: after };
  return readEntries(tx, { ...bound, order, limit });
}
