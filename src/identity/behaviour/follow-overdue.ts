import { Inject, Injectable } from '@nestjs/common';
import { ChainHeads, type HeadOfTenant } from '../../audit/chain-heads.js';
import { Clock } from '../../platform/clock.js';
import { ServiceDatabase } from '../../platform/database/service-database.js';
import { PLATFORM_TENANT_ID, publicId } from '../../platform/ids.js';
import { LOG, type Log } from '../../platform/telemetry/logger.js';
import { readCursorsOf } from './behaviour.repository.js';
import { FollowUses } from './follow-uses.js';

const PAGE = 500;

/**
 * A job: looks at every chain that is ahead of its cursor, and at those in which an agent's score has been too low for
 * a minute. Whatever a node missed that died behind its uses is seen here.
 */
@Injectable()
export class FollowOverdue {
  constructor(
    private readonly heads: ChainHeads,
    private readonly services: ServiceDatabase,
    private readonly followUses: FollowUses,
    private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** One tenant's trouble is not another's. */
  async execute(signal?: AbortSignal): Promise<void> {
    let page: HeadOfTenant[] = [];
    for await (const head of this.heads.all()) {
      if (head.tenantId !== PLATFORM_TENANT_ID) page.push(head);
      if (page.length < PAGE) continue;
      await this.#followAll(page, signal);
      page = [];
    }
    await this.#followAll(page, signal);
  }

  async #followAll(page: readonly HeadOfTenant[], signal?: AbortSignal): Promise<void> {
    const cursors = await readCursorsOf(
      this.services.scheduler,
      page.map(({ tenantId }) => tenantId),
    );
    const followed = new Map(cursors.map((cursor) => [cursor.tenantId, cursor]));
    for (const { tenantId, seq } of page) {
      signal?.throwIfAborted();
      const cursor = followed.get(tenantId);
      const isDue = (cursor?.dueAt?.getTime() ?? Infinity) <= this.clock.now();
      if (seq <= (cursor?.seq ?? 0) && !isDue) continue;
      try {
        await this.followUses.execute(tenantId);
      } catch (error) {
        this.log.warn({ tenant: publicId('ten', tenantId), err: error }, 'the uses of a tenant could not be looked at');
      }
    }
  }
}
