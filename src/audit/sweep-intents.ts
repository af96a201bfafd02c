import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { publicId } from '../platform/ids.js';
import { LOG, type Log } from '../platform/telemetry/logger.js';
import { Acts } from '../tenancy/acts.js';
import { readHead } from './audit.repository.js';
import { ChainHeads, type HeadOfTenant } from './chain-heads.js';
import { LiveNodes } from './live-nodes.js';
import { findOpenIntents, moveSwept, type OpenIntent, findStillOpen } from './open-intents.js';

/** An outcome may still be on its way for this long after the deadline, or after its node was first found gone. */
export const OVERDUE_AFTER_MS = 60_000;
const PAGE = 500;
const IN_ONE_ACT_MAX = 100;
const ACTOR = 'system:sweep';

/**
 * A job: an intent a minute past its deadline that never got an outcome reads `unknown` from then on (P3). So does one
 * whose node is gone for a minute: what streams has a deadline far ahead, and its node's lease is what is renewed meanwhile.
 */
@Injectable()
export class SweepIntents {
  /** By the name of its start: when a node with open intents was first found gone. */
  #goneSinceMs: ReadonlyMap<string, number> = new Map();

  constructor(
    private readonly heads: ChainHeads,
    private readonly database: TenantDatabase,
    private readonly acts: Acts,
    private readonly clock: Clock,
    private readonly nodes: LiveNodes,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Returns how many were marked. One tenant's trouble is not another's. */
  async execute(signal?: AbortSignal): Promise<number> {
    const live = await this.nodes.bootIds();
    const gone = new Map<string, number>();
    let marked = 0;
    for await (const head of this.heads.all()) {
      signal?.throwIfAborted();
      if (head.seq <= head.sweptSeq) continue;
      try {
        marked += await this.#sweep(head, (intent) => this.#isOverdue(intent, live, gone));
      } catch (error) {
        this.log.warn({ tenant: publicId('ten', head.tenantId), err: error }, 'a chain could not be swept');
      }
    }
    this.#goneSinceMs = gone;
    return marked;
  }

  #isOverdue({ deadlineMs, bootId }: OpenIntent, live: ReadonlySet<string>, gone: Map<string, number>): boolean {
    const nowMs = this.clock.now();
    if (deadlineMs + OVERDUE_AFTER_MS < nowMs) return true;
    if (bootId === null || live.has(bootId)) return false;
    const sinceMs = this.#goneSinceMs.get(bootId) ?? nowMs;
    gone.set(bootId, sinceMs);
    return sinceMs + OVERDUE_AFTER_MS < nowMs;
  }

  async #sweep({ tenantId, sweptSeq }: HeadOfTenant, isOverdue: (intent: OpenIntent) => boolean): Promise<number> {
    let marked = 0;
    for (let after = sweptSeq; ;) {
      const { open, headSeq } = await this.#look(tenantId, after);
      const overdue = open.filter(isOverdue).map(({ seq }) => seq);
      for (let i = 0; i < overdue.length; i += IN_ONE_ACT_MAX) {
        marked += await this.#mark(tenantId, overdue.slice(i, i + IN_ONE_ACT_MAX));
      }
      const waiting = open.find(({ seq }) => !overdue.includes(seq));
      const more = open.length === PAGE;
      const swept = waiting !== undefined ? waiting.seq - 1 : more ? (open.at(-1) as OpenIntent).seq : headSeq;
      await this.database.inTenant(tenantId, (tx) => moveSwept(tx, swept));
      if (!more || waiting !== undefined) return marked;
      after = swept;
    }
  }

  #look(tenantId: string, afterSeq: number): Promise<{ open: OpenIntent[]; headSeq: number }> {
    return this.database.inTenant(
      tenantId,
      async (tx) => ({ headSeq: (await readHead(tx)).seq, open: await findOpenIntents(tx, afterSeq, PAGE) }),
      { isolation: 'repeatable read', readOnly: true },
    );
  }

  /** Under the head's lock, where no outcome can slip in between the look and the mark. */
  #mark(tenantId: string, seqs: readonly number[]): Promise<number> {
    return this.acts.run(tenantId, async ({ tx, chain }) => {
      const open = await findStillOpen(tx, seqs);
      for (const { seq, action } of open) {
        const details = { intent: seq };
        await chain.append({ actor: ACTOR, action: `${action}.outcome`, outcome: 'unknown', details });
      }
      return open.length;
    });
  }
}
