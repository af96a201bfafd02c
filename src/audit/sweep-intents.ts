import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { Acts } from '../tenancy/acts.js';
import { ChainHeads } from './chain-heads.js';
import { type OpenIntent, openIntents, setSwept } from './open-intents.js';

/** An intent is given up this long after its own deadline. */
export const OVERDUE_AFTER_MS = 60_000;

/** Marks intents that never got an outcome `unknown`: a process died, or could not write it down (P3). */
@Injectable()
export class SweepIntents {
  constructor(
    private readonly heads: ChainHeads,
    private readonly database: TenantDatabase,
    private readonly acts: Acts,
    private readonly clock: Clock,
  ) {}

  /** Every tenant whose chain moved since its last sweep. Returns how many intents became `unknown`. */
  async execute(signal?: AbortSignal): Promise<number> {
    let marked = 0;
    for await (const head of this.heads.all()) {
      signal?.throwIfAborted();
      if (head.seq > head.sweptSeq) marked += await this.sweep(head.tenantId);
    }
    return marked;
  }

  async sweep(tenantId: string): Promise<number> {
    const found = await this.database.inTenant(tenantId, (tx) => openIntents(tx));
    const overdue = this.#overdue(found.intents);
    if (overdue.length > 0) return this.#mark(tenantId);
    const firstOpen = found.intents[0]?.seq;
    const swept = firstOpen === undefined ? found.headSeq : firstOpen - 1;
    await this.database.inTenant(tenantId, (tx) => setSwept(tx, swept));
    return 0;
  }

  /** Looks again under the head's lock: an outcome may have come in between. */
  #mark(tenantId: string): Promise<number> {
    return this.acts.run(tenantId, async ({ tx, chain }) => {
      const { intents } = await openIntents(tx);
      const overdue = this.#overdue(intents);
      for (const { seq, action } of overdue) {
        const draft = {
          actor: 'system:sweep',
          action: `${action}.outcome`,
          outcome: 'unknown',
          details: { intent: seq },
        };
        await chain.append(draft);
      }
      return overdue.length;
    });
  }

  #overdue(intents: readonly OpenIntent[]): readonly OpenIntent[] {
    const limit = this.clock.now() - OVERDUE_AFTER_MS;
    return intents.filter((intent) => intent.deadlineMs <= limit);
  }
}
