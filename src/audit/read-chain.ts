import { Injectable } from '@nestjs/common';
import type { ChainHead } from '@chancery/protocol/audit-verify.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { readEntries, readEntriesBetween, readHead, type StoredEntry } from './audit.repository.js';
import { Committers } from './committers.js';

const PAGE = 500;

export interface ChainReading {
  /** Where the chain ended when the reading began. */
  readonly head: ChainHead;
  /** An entry behind its own head: nothing of ours writes one. */
  readonly stray: StoredEntry | undefined;
  /** Everything up to the head, a page at a time. */
  readonly pages: () => AsyncGenerator<readonly StoredEntry[]>;
}

/** Reads a whole chain by key. Between two pages it holds no connection and no snapshot; the chain may go on growing. */
@Injectable()
export class ReadChain {
  constructor(
    private readonly database: TenantDatabase,
    private readonly committers: Committers,
  ) {}

  async begin(tenantId: string): Promise<ChainReading> {
    const look = async (tx: TenantTx): Promise<Pick<ChainReading, 'head' | 'stray'>> => {
      const { seq, hash } = await readHead(tx);
      const [stray] = await readEntries(tx, { afterSeq: seq, order: 'asc', limit: 1 });
      return { head: { seq, hash }, stray };
    };
    await this.committers.drained(tenantId);
    const begun = await this.database.inTenant(tenantId, look, { isolation: 'repeatable read', readOnly: true });
    return { ...begun, pages: () => this.#pages(tenantId, begun.head.seq) };
  }

  async *#pages(tenantId: string, headSeq: number): AsyncGenerator<readonly StoredEntry[]> {
    for (let first = 1; first <= headSeq;) {
      const last = Math.min(first + PAGE - 1, headSeq);
      const page = await this.database.inTenant(tenantId, (tx) => readEntriesBetween(tx, first, last), {
        readOnly: true,
      });
      if (page.length > 0) yield page;
      first = page.length > 0 ? last + 1 : await this.#nextAfter(tenantId, last);
    }
  }

  /** Where a chain with a hole goes on, or infinity: a head that lies must not send us through nothing for ever. */
  async #nextAfter(tenantId: string, seq: number): Promise<number> {
    const behind = { afterSeq: seq, order: 'asc', limit: 1 } as const;
    const [next] = await this.database.inTenant(tenantId, (tx) => readEntries(tx, behind), { readOnly: true });
    return next?.entry.seq ?? Number.POSITIVE_INFINITY;
  }
}
