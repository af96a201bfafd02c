import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../platform/clock.js';
import { PolicyListener } from '../../platform/database/policy-listener.js';
import type { StopSignal } from '../../platform/stop-signal.js';
import { TenantDatabase } from '../../platform/database/tenant-database.js';
import { type ApprovalState, stateAt } from './approval.js';
import { findApproval } from './approvals.repository.js';

/** The longest a request may be held for a person (RFC 7240 `wait`). */
export const WAIT_SECONDS_MAX = 60;
/** Held requests keep their bodies in memory; one more than this is answered at once. */
const HELD_MAX = 256;
const HELD_PER_TENANT_MAX = 64;
/** Any number of changes of a tenant come to one look within this time. */
const LOOK_GAP_MS = 50;

type Wake = () => void;

/** Holds a request until a person has decided about it, on whichever node that is. */
@Injectable()
export class AwaitDecision implements OnModuleInit, BeforeApplicationShutdown {
  readonly #waiting = new Map<string, Set<Wake>>();
  readonly #closing = new AbortController();
  #held = 0;

  constructor(
    private readonly listener: PolicyListener,
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.listener.subscribe((tenantId) => {
      for (const id of tenantId === null ? this.#waiting.keys() : [tenantId]) {
        for (const wake of this.#waiting.get(id) ?? []) wake();
      }
    });
  }

  beforeApplicationShutdown(): void {
    this.#closing.abort();
  }

  /** What the approval is when somebody decided, the wait is over, the agent is gone, or there is no room to wait. */
  async execute(tenantId: string, id: string, waitMs: number, gone: StopSignal): Promise<ApprovalState> {
    const waiters = this.#waiting.get(tenantId) ?? new Set<Wake>();
    if (this.#held >= HELD_MAX || waiters.size >= HELD_PER_TENANT_MAX) return 'pending';
    const left = new AbortController();
    const leave = (): void => left.abort();
    if (gone.aborted) leave();
    gone.addEventListener('abort', leave, { once: true });
    // No `AbortSignal.timeout` in here: `any` holds it weakly, and one that the garbage collection took ends no wait.
    const timer = setTimeout(leave, waitMs).unref();
    const over = AbortSignal.any([left.signal, this.#closing.signal]);
    let changed = true;
    let wake: Wake = () => undefined;
    const woken = (): void => {
      changed = true;
      wake();
    };
    this.#waiting.set(tenantId, waiters.add(woken));
    this.#held += 1;
    try {
      for (;;) {
        if (!changed) await this.#wokenOr(over, (resolve) => (wake = resolve));
        changed = false;
        const state = await this.#look(tenantId, id);
        if (state !== 'pending' || over.aborted) return state;
        await sleep(LOOK_GAP_MS, undefined, { signal: over, ref: false }).catch(() => undefined);
      }
    } finally {
      this.#held -= 1;
      clearTimeout(timer);
      gone.removeEventListener('abort', leave);
      waiters.delete(woken);
      if (waiters.size === 0) this.#waiting.delete(tenantId);
    }
  }

  #wokenOr(over: AbortSignal, register: (resolve: Wake) => void): Promise<void> {
    return new Promise((resolve) => {
      register(resolve);
      if (over.aborted) resolve();
      else over.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  async #look(tenantId: string, id: string): Promise<ApprovalState> {
    const row = await this.database.inTenant(tenantId, (tx) => findApproval(tx, id), { readOnly: true });
    if (row === undefined) return 'expired';
    return stateAt({ ...row, expiresAtMs: row.expiresAt.getTime(), used: false }, this.clock.now());
  }
}
