import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AllNodes } from '../keys/all-nodes.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { PLATFORM_TENANT_ID } from '../platform/ids.js';
import { LEASE_MS } from './node-lease.js';
import { countNodesBehind } from './node-leases.repository.js';
import { PlatformWatch } from './platform-watch.js';

const LOOK_EVERY_MS = 15;
/** Two clocks that run for two seconds do not differ by more. */
const CLOCK_DRIFT_MS = 100;

/** Waits for the nodes by their leases. */
@Injectable()
export class LeasedNodes extends AllNodes {
  constructor(
    private readonly database: TenantDatabase,
    private readonly watch: PlatformWatch,
  ) {
    super();
  }

  /**
   * `platformSeq` has committed. A node known by now either says that it obeyed, or has only what it was told before the
   * commit, and that lease is over `LEASE_MS` after it. A node not known yet reads the chain after it is.
   */
  override async obeyed(platformSeq: number): Promise<void> {
    const until = performance.now() + LEASE_MS + CLOCK_DRIFT_MS;
    await this.watch.renewNow().catch(() => undefined);
    for (let behind = await this.#behind(platformSeq); behind; behind = await this.#behind(platformSeq)) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) return;
      await sleep(Math.min(leftMs, LOOK_EVERY_MS));
    }
  }

  /** A database that cannot be asked has heard from nobody. */
  #behind(platformSeq: number): Promise<boolean> {
    const count = this.database.inTenant(PLATFORM_TENANT_ID, ({ client }) => countNodesBehind(client, platformSeq), {
      lane: 'control',
      readOnly: true,
    });
    return count.then(
      (nodes) => nodes > 0,
      () => true,
    );
  }
}
