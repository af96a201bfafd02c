import { Injectable } from '@nestjs/common';
import { asc, gt } from 'drizzle-orm';
import { ServiceDatabase } from '../platform/database/service-database.js';
import { chainHead } from './audit.table.js';

export interface HeadOfTenant {
  readonly tenantId: string;
  readonly seq: number;
  readonly hash: string;
  readonly sweptSeq: number;
}

const PAGE = 500;
const COLUMNS = {
  tenantId: chainHead.tenantId,
  seq: chainHead.seq,
  hash: chainHead.hash,
  sweptSeq: chainHead.sweptSeq,
};

/** Where every tenant's chain ends: all that the scheduler's login can see of a tenant. */
@Injectable()
export class ChainHeads {
  constructor(private readonly services: ServiceDatabase) {}

  async *all(): AsyncGenerator<HeadOfTenant> {
    let after: string | undefined;
    for (;;) {
      const beyond = after === undefined ? undefined : gt(chainHead.tenantId, after);
      const rows = await this.services.scheduler
        .select(COLUMNS)
        .from(chainHead)
        .where(beyond)
        .orderBy(asc(chainHead.tenantId))
        .limit(PAGE);
      yield* rows.map((row) => ({ ...row, hash: row.hash.toString('hex') }));
      if (rows.length < PAGE) return;
      after = rows.at(-1)?.tenantId;
    }
  }
}
