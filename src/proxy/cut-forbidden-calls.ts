import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { PolicyListener } from '../platform/database/policy-listener.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { publicId } from '../platform/ids.js';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import { LOG, type Log } from '../platform/telemetry/logger.js';
import { mayGoOn } from './may-go-on.js';
import { loadUsePolicy } from './use-policy.js';

/** Between two looks at one tenant: after a failure, and because any login can notify as often as it likes. */
const LOOK_GAP_MS = 20;

/**
 * Ends the calls of this node that a policy act on another node forbids. The acting node has cut its own already. Any
 * number of notifications of one tenant come to one look at a time, and to one more behind it.
 */
@Injectable()
export class CutForbiddenCalls implements OnModuleInit, BeforeApplicationShutdown {
  readonly #looking = new Map<string, { again: boolean }>();
  #closed = false;

  constructor(
    private readonly listener: PolicyListener,
    private readonly inFlight: InFlightCalls,
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.listener.subscribe((tenantId) => {
      for (const id of tenantId === null ? this.inFlight.tenants : [tenantId]) this.#changed(id);
    });
  }

  beforeApplicationShutdown(): void {
    this.#closed = true;
  }

  #changed(tenantId: string): void {
    const looking = this.#looking.get(tenantId);
    if (looking !== undefined) looking.again = true;
    else if (this.inFlight.of(tenantId).size > 0) void this.#look(tenantId);
  }

  async #look(tenantId: string): Promise<void> {
    const state = { again: true };
    this.#looking.set(tenantId, state);
    while (state.again && !this.#closed) {
      state.again = false;
      try {
        await this.#cutForbidden(tenantId);
      } catch (error) {
        this.log.warn({ tenant: publicId('ten', tenantId), err: error }, 'a changed policy could not be read');
        state.again = this.inFlight.of(tenantId).size > 0;
      }
      await sleep(LOOK_GAP_MS, undefined, { ref: false });
    }
    this.#looking.delete(tenantId);
  }

  /** Calls that are opened while the policy loads were decided under a newer one, and are left alone. */
  async #cutForbidden(tenantId: string): Promise<void> {
    const calls = this.inFlight.of(tenantId);
    if (calls.size === 0) return;
    const policy = await this.database.inTenant(tenantId, loadUsePolicy, {
      lane: 'control',
      isolation: 'repeatable read',
      readOnly: true,
    });
    const nowMs = this.clock.now();
    this.inFlight.cutWhere((labels) => (calls.has(labels) ? mayGoOn(policy, labels, nowMs) : null));
  }
}
