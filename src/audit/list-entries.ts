import { Injectable } from '@nestjs/common';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { readEntries, type StoredEntry } from './audit.repository.js';

export interface ListEntriesInput {
  readonly order: 'asc' | 'desc';
  /** The position of the last entry of the page before. */
  readonly after: number | undefined;
  readonly limit: number;
}

/** A page of a tenant's entries, from either end. */
@Injectable()
export class ListEntries {
  constructor(private readonly database: TenantDatabase) {}

  execute(tenantId: string, { order, after, limit }: ListEntriesInput): Promise<StoredEntry[]> {
    const from = after === undefined ? {} : order === 'asc' ? { afterSeq: after } : { beforeSeq: after };
    return this.database.inTenant(tenantId, (tx) => readEntries(tx, { ...from, order, limit }), { readOnly: true });
  }
}
