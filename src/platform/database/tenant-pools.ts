import { Client } from 'pg';
import { type DatabaseAddress, loginAs, type RolePassword } from './database-address.js';
import { databaseUnavailable, isConnectionFailure, overCapacity } from './database.errors.js';
import { tenantRole } from './roles.js';

/** What a connection is for. Each tenant has its own lanes, so that an export never stands in the way of a brake. */
export type Lane = 'commit' | 'control' | 'general';
const LANE_CONNECTIONS_MAX: Readonly<Record<Lane, number>> = { commit: 1, control: 1, general: 2 };
const SWEEP_EVERY_MS = 5_000;

export interface PoolLimits {
  /** Connections of all tenants together. */
  readonly totalMax: number;
  /** Of these, how many only control acts (brakes, revocations) may open. */
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
  readonly key: string;
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
  #open = 0;
  #openBudget: number;
  #budgetAt: number;
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
    return this.#open;
  }

  async acquire(tenantId: string, lane: Lane): Promise<PooledConnection> {
    if (this.#closed) throw overCapacity('The server is shutting down.');
    const state = this.#lane(tenantId, lane);
    const idle = state.idle.pop();
    if (idle !== undefined) return this.#lend(state, idle);
    if (this.#mayOpen(state)) return this.#openOne(state);
    return this.#wait(state);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweeper);
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

  /** Room in the lane, in the total and in this second's budget; makes room by closing another tenant's idle connection. */
  #mayOpen(state: LaneState): boolean {
    if (state.open >= LANE_CONNECTIONS_MAX[state.lane]) return false;
    const control = state.lane === 'control';
    if (!control && !this.#takeOpenBudget()) return false;
    const cap = control ? this.limits.totalMax : this.limits.totalMax - this.limits.controlReserve;
    if (this.#open < cap) return true;
    return this.#evictLeastRecentlyUsed();
  }

  #takeOpenBudget(): boolean {
    const now = this.now();
    const refill = ((now - this.#budgetAt) / 1000) * this.limits.opensPerSecond;
    this.#openBudget = Math.min(this.limits.opensPerSecond, this.#openBudget + refill);
    this.#budgetAt = now;
    if (this.#openBudget < 1) return false;
    this.#openBudget -= 1;
    return true;
  }

  #evictLeastRecentlyUsed(): boolean {
    let oldest: { state: LaneState; index: number; idleSince: number } | undefined;
    for (const state of this.#lanes.values()) {
      state.idle.forEach((slot, index) => {
        if (oldest === undefined || slot.idleSince < oldest.idleSince) oldest = { state, index, idleSince: slot.idleSince };
      });
    }
    if (oldest === undefined) return false;
    const [slot] = oldest.state.idle.splice(oldest.index, 1);
    if (slot !== undefined) void this.#end(oldest.state, slot);
    return true;
  }

  async #openOne(state: LaneState): Promise<PooledConnection> {
    state.open += 1;
    this.#open += 1;
    const client = new Client(loginAs(this.address, tenantRole(state.tenantId), this.password));
    const slot: Slot = { client, key: `${state.lane}/${state.tenantId}`, openedAt: this.now(), idleSince: 0, broken: false };
    client.on('error', () => {
      slot.broken = true;
      const index = state.idle.indexOf(slot);
      if (index >= 0) {
        state.idle.splice(index, 1);
        void this.#end(state, slot);
      }
    });
    try {
      await client.connect();
    } catch (error) {
      this.#forget(state);
      throw isConnectionFailure(error) ? databaseUnavailable() : error;
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
      void this.#end(state, slot).then(() => this.#serveWaiters());
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
    waiting.sort((a, b) => Number(b.lane === 'control') - Number(a.lane === 'control'));
    for (const state of waiting) {
      if (!this.#mayOpen(state)) continue;
      const waiter = state.waiters.shift();
      if (waiter === undefined) continue;
      clearTimeout(waiter.timer);
      this.#openOne(state).then(waiter.resolve, waiter.reject);
    }
  }

  #forget(state: LaneState): void {
    state.open -= 1;
    this.#open -= 1;
  }

  async #end(state: LaneState, slot: Slot): Promise<void> {
    this.#forget(state);
    await slot.client.end().catch(() => undefined);
  }

  #sweep(): void {
    const now = this.now();
    for (const [key, state] of this.#lanes) {
      for (const slot of [...state.idle]) {
        const stale = now - slot.idleSince > this.limits.idleMs || now - slot.openedAt > this.limits.lifetimeMs;
        if (!stale) continue;
        state.idle.splice(state.idle.indexOf(slot), 1);
        void this.#end(state, slot);
      }
      if (state.open === 0 && state.waiters.length === 0) this.#lanes.delete(key);
    }
    this.#serveWaiters();
  }
}
