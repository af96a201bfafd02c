import { Client } from 'pg';
import { type DatabaseAddress, loginAs, type RolePassword } from './database-address.js';
import { databaseUnavailable, isOutOfService, overCapacity } from './database.errors.js';
import { tenantRole } from './roles.js';

/** What a connection is for. Each tenant has its own lanes, so that an export never stands in the way of a brake. */
export type Lane = 'commit' | 'control' | 'lease' | 'general';
const isReserved = (lane: Lane): boolean => lane === 'control' || lane === 'lease';
const SWEEP_EVERY_MS = 5_000;
const END_WITHIN_MS = 1_000;

export interface PoolLimits {
  /** Connections of all tenants together. */
  readonly totalMax: number;
  /** Connections of one tenant: one to commit uses, one for control acts, the rest for everything else. */
  readonly tenantMax: number;
  /** Of these, how many only control acts (brakes, revocations) and the node's lease may open. */
  readonly controlReserve: number;
  readonly waitMs: number;
  readonly idleMs: number;
  readonly lifetimeMs: number;
  readonly opensPerSecond: number;
  /** Waiters of one lane before the next is refused at once. */
  readonly waitersMax: number;
}

export interface PooledConnection {
  readonly client: Client;
  /** Gives the connection back; `broken` closes it instead. */
  release(broken?: boolean): void;
}

interface Slot {
  readonly client: Client;
  readonly openedAt: number;
  idleSince: number;
  broken: boolean;
}

interface Waiter {
  readonly resolve: (connection: PooledConnection) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

interface LaneState {
  readonly tenantId: string;
  readonly lane: Lane;
  open: number;
  readonly idle: Slot[];
  readonly waiters: Waiter[];
}

/**
 * A pool of pools: every connection logged in as one tenant's role and serves that tenant until it closes (P5).
 * Bounds: in all, per tenant and lane, opens per second, waiters, waiting time; past them 503 with Retry-After (P20).
 */
export class TenantPools {
  readonly #lanes = new Map<string, LaneState>();
  /** Connections open now, those being opened and those being closed included. */
  readonly #open = { control: 0, others: 0 };
  #openBudget: number;
  #budgetAt: number;
  #refillTimer: NodeJS.Timeout | null = null;
  #closed = false;
  readonly #sweeper: NodeJS.Timeout;

  constructor(
    private readonly address: DatabaseAddress,
    private readonly password: RolePassword,
    private readonly limits: PoolLimits,
    private readonly now: () => number = Date.now,
  ) {
    this.#openBudget = limits.opensPerSecond;
    this.#budgetAt = now();
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref();
  }

  /** Connections open now, of all tenants. */
  get openCount(): number {
    return this.#open.control + this.#open.others;
  }

  /** Those kept for control acts and leases, and all others. */
  get openByUse(): Readonly<Record<'control' | 'others', number>> {
    return this.#open;
  }

  /** Who waits for a connection now, of all tenants. */
  get waiting(): number {
    return [...this.#lanes.values()].reduce((sum, { waiters }) => sum + waiters.length, 0);
  }

  async acquire(tenantId: string, lane: Lane): Promise<PooledConnection> {
    if (this.#closed) throw overCapacity('The server is shutting down.');
    const state = this.#lane(tenantId, lane);
    const idle = state.idle.pop();
    if (idle !== undefined) return this.#lend(state, idle);
    const place = this.#takePlace(state);
    return place === null ? this.#wait(state) : this.#openOne(state, place);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweeper);
    if (this.#refillTimer !== null) clearTimeout(this.#refillTimer);
    const ends: Promise<void>[] = [];
    for (const state of this.#lanes.values()) {
      for (const waiter of state.waiters.splice(0)) this.#refuse(waiter, 'The server is shutting down.');
      for (const slot of state.idle.splice(0)) ends.push(this.#end(state, slot));
    }
    await Promise.all(ends);
  }

  #lane(tenantId: string, lane: Lane): LaneState {
    const key = `${lane}/${tenantId}`;
    let state = this.#lanes.get(key);
    if (state === undefined) {
      state = { tenantId, lane, open: 0, idle: [], waiters: [] };
      this.#lanes.set(key, state);
    }
    return state;
  }

  /**
   * Room in the lane, in the total and in this second's budget; at the cap the least recently used idle connection goes.
   * Returns what to wait for before opening, or null when there is no room. What is not for control acts never fills the
   * reserve, whichever connections it closes.
   */
  #takePlace(state: LaneState): { readonly ready: Promise<void> } | null {
    if (state.open >= this.#laneMax(state.lane)) return null;
    const control = isReserved(state.lane);
    if (!control && !this.#hasOpenBudget()) return null;
    const othersFull = !control && this.#open.others >= this.limits.totalMax - this.limits.controlReserve;
    let ready = Promise.resolve();
    if (othersFull || this.openCount >= this.limits.totalMax) {
      const evicted = this.#evictLeastRecentlyUsed(othersFull);
      if (evicted === null) return null;
      ready = evicted;
    }
    if (!control) this.#openBudget -= 1;
    state.open += 1;
    this.#open[control ? 'control' : 'others'] += 1;
    return { ready };
  }

  #laneMax(lane: Lane): number {
    return lane === 'general' ? Math.max(1, this.limits.tenantMax - 2) : 1;
  }

  /** When it is used up, whoever waits is served as it refills. */
  #hasOpenBudget(): boolean {
    const { opensPerSecond } = this.limits;
    const now = this.now();
    this.#openBudget = Math.min(opensPerSecond, this.#openBudget + ((now - this.#budgetAt) / 1000) * opensPerSecond);
    this.#budgetAt = now;
    if (this.#openBudget >= 1) return true;
    this.#refillTimer ??= setTimeout(
      () => {
        this.#refillTimer = null;
        this.#serveWaiters();
      },
      ((1 - this.#openBudget) / opensPerSecond) * 1000 + 1,
    ).unref();
    return false;
  }

  /** Closes an idle connection and resolves when it is gone; null when there is none. */
  #evictLeastRecentlyUsed(sparesControl: boolean): Promise<void> | null {
    let oldest: { state: LaneState; slot: Slot } | undefined;
    for (const state of this.#lanes.values()) {
      if (sparesControl && isReserved(state.lane)) continue;
      for (const slot of state.idle)
        if (oldest === undefined || slot.idleSince < oldest.slot.idleSince) oldest = { state, slot };
    }
    if (oldest === undefined) return null;
    return this.#endIdle(oldest.state, oldest.slot);
  }

  async #openOne(state: LaneState, place: { readonly ready: Promise<void> }): Promise<PooledConnection> {
    await place.ready;
    const client = new Client(loginAs(this.address, tenantRole(state.tenantId), this.password));
    const slot: Slot = { client, openedAt: this.now(), idleSince: 0, broken: false };
    client.on('error', () => {
      slot.broken = true;
      if (state.idle.includes(slot)) void this.#endIdle(state, slot);
    });
    try {
      await client.connect();
    } catch (error) {
      this.#forget(state);
      throw isOutOfService(error) ? databaseUnavailable() : error;
    }
    return this.#lend(state, slot);
  }

  #lend(state: LaneState, slot: Slot): PooledConnection {
    let released = false;
    return {
      client: slot.client,
      release: (broken = false) => {
        if (released) return;
        released = true;
        this.#takeBack(state, slot, broken);
      },
    };
  }

  #takeBack(state: LaneState, slot: Slot, broken: boolean): void {
    const expired = this.now() - slot.openedAt > this.limits.lifetimeMs;
    if (broken || slot.broken || expired || this.#closed) {
      void this.#end(state, slot);
      return;
    }
    const waiter = state.waiters.shift();
    if (waiter !== undefined) {
      clearTimeout(waiter.timer);
      waiter.resolve(this.#lend(state, slot));
      return;
    }
    slot.idleSince = this.now();
    state.idle.push(slot);
    this.#serveWaiters();
  }

  #wait(state: LaneState): Promise<PooledConnection> {
    if (state.waiters.length >= this.limits.waitersMax) {
      return Promise.reject(overCapacity('Too many calls of this tenant wait for a database connection.'));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const index = state.waiters.indexOf(waiter);
        if (index >= 0) state.waiters.splice(index, 1);
        reject(overCapacity('No database connection became free in time.'));
      }, this.limits.waitMs);
      const waiter: Waiter = { resolve, reject, timer };
      state.waiters.push(waiter);
    });
  }

  #refuse(waiter: Waiter, why: string): void {
    clearTimeout(waiter.timer);
    waiter.reject(overCapacity(why));
  }

  /** A place became free: open connections for lanes that wait for the total or the budget, control acts first. */
  #serveWaiters(): void {
    const waiting = [...this.#lanes.values()].filter((state) => state.waiters.length > 0);
    waiting.sort((a, b) => Number(isReserved(b.lane)) - Number(isReserved(a.lane)));
    for (let served = true; served;) {
      served = false;
      for (const state of waiting) {
        const place = state.waiters.length === 0 ? null : this.#takePlace(state);
        const waiter = place === null ? undefined : state.waiters.shift();
        if (place === null || waiter === undefined) continue;
        served = true;
        clearTimeout(waiter.timer);
        this.#openOne(state, place).then(waiter.resolve, waiter.reject);
      }
    }
  }

  #forget(state: LaneState): void {
    state.open -= 1;
    this.#open[isReserved(state.lane) ? 'control' : 'others'] -= 1;
    this.#serveWaiters();
  }

  #endIdle(state: LaneState, slot: Slot): Promise<void> {
    state.idle.splice(state.idle.indexOf(slot), 1);
    return this.#end(state, slot);
  }

  /** The place is free when the server knows, or when it has been silent for too long. */
  async #end(state: LaneState, slot: Slot): Promise<void> {
    const silence = new Promise((resolve) => setTimeout(resolve, END_WITHIN_MS).unref());
    await Promise.race([slot.client.end().catch(() => undefined), silence]);
    this.#forget(state);
  }

  #sweep(): void {
    const now = this.now();
    for (const [key, state] of this.#lanes) {
      const isStale = (slot: Slot): boolean =>
        now - slot.idleSince > this.limits.idleMs || now - slot.openedAt > this.limits.lifetimeMs;
      for (const slot of state.idle.filter(isStale)) void this.#endIdle(state, slot);
      if (state.open === 0 && state.waiters.length === 0) this.#lanes.delete(key);
    }
    this.#serveWaiters();
  }
}
