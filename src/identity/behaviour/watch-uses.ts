import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Committers } from '../../audit/committers.js';
import { PLATFORM_TENANT_ID, publicId } from '../../platform/ids.js';
import { LOG, type Log } from '../../platform/telemetry/logger.js';
import { FollowUses } from './follow-uses.js';

/** Between two looks at one tenant, and from the first use to the look at it. */
const LOOK_EVERY_MS = 1_000;
/** A look is followed by this many times its own length of rest, so that looking never takes more than a tenth of the time. */
const REST_PER_LOOK = 9;

/**
 * Looks at the chains in which this node writes uses: a second after the first use, then each second until nothing is
 * new. One tenant after the other; no call waits for it, and with many tenants each is looked at less often.
 */
@Injectable()
export class WatchUses implements OnModuleInit, BeforeApplicationShutdown {
  /** When each is to be looked at, in the order of that. */
  readonly #dueAt = new Map<string, number>();
  #running: Promise<void> | null = null;
  readonly #closing = new AbortController();

  constructor(
    private readonly committers: Committers,
    private readonly followUses: FollowUses,
    @Inject(LOG) private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.committers.whenBusy((tenantId) => this.#busy(tenantId));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  #busy(tenantId: string): void {
    if (tenantId === PLATFORM_TENANT_ID || this.#dueAt.has(tenantId) || this.#closing.signal.aborted) return;
    this.#dueAt.set(tenantId, performance.now() + LOOK_EVERY_MS);
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    for (const [tenantId, dueAt] of this.#dueAt) {
      if (!(await this.#rest(dueAt - performance.now()))) return;
      const startedAt = performance.now();
      // Taken out before the look: a use that is written during it, and too late for it, puts it in again.
      this.#dueAt.delete(tenantId);
      const news = await this.#look(tenantId);
      if (news > 0) this.#dueAt.set(tenantId, performance.now() + LOOK_EVERY_MS);
      if (!(await this.#rest(REST_PER_LOOK * (performance.now() - startedAt)))) return;
    }
    this.#running = null; // in the same breath as the look into the empty list
  }

  async #look(tenantId: string): Promise<number> {
    try {
      return await this.followUses.execute(tenantId);
    } catch (error) {
      // The job that looks at every chain once a minute comes by.
      this.log.warn({ tenant: publicId('ten', tenantId), err: error }, 'the uses of a tenant could not be looked at');
      return 0;
    }
  }

  /** False when the process ends. */
  async #rest(ms: number): Promise<boolean> {
    if (ms > 0) await sleep(ms, undefined, { ref: false, signal: this.#closing.signal }).catch(() => undefined);
    return !this.#closing.signal.aborted;
  }
}
