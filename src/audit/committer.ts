import type { TenantDatabase } from '../platform/database/tenant-database.js';
import { asTenantTx } from '../platform/database/tenant-database.js';
import { isConnectionFailure, overCapacity } from '../platform/database/database.errors.js';
import type { PooledConnection } from '../platform/database/tenant-pools.js';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { appendLocked, compareAndAppend, hashAt, readHead, type ChainHead } from './audit.repository.js';
import type { EntryDraft, EntryRef } from '../tenancy/acts.js';
import { finish, type FinishedEntry } from './chain.js';
import { ProofWindow } from './proof-window.js';

/** How a decision sees the world: the tenant's policy as of the head it will be swapped against. */
export interface DecisionView<P> {
  readonly policy: P;
  readonly nowMs: number;
  /** True when the policy was loaded after this submission arrived: what is missing now is missing. */
  readonly fresh: boolean;
  /** Whether a proof id was used already. */
  seen(jti: string): boolean;
}

/**
 * What a decision comes to. With an entry it takes effect when the entry is durable; without one it is returned once
 * the policy behind it is known to be current. `reload` asks for a fresh policy first.
 */
export type Verdict<R> =
  | { readonly kind: 'entry'; readonly draft: EntryDraft; readonly jti?: string; readonly result: R }
  | { readonly kind: 'silent'; readonly result: R }
  | { readonly kind: 'reload' };

export type Decide<P, R> = (view: DecisionView<P>) => Verdict<R>;

export interface Committed<R> {
  readonly result: R;
  /** Where the entry stands; null for a silent verdict. */
  readonly ref: EntryRef | null;
}

/** Loads what decisions read, inside the snapshot that also read the head. */
export type PolicyLoader<P> = (tx: TenantTx) => Promise<P>;

interface Submission<P> {
  readonly decide: Decide<P, unknown>;
  readonly resolve: (committed: Committed<unknown>) => void;
  readonly reject: (error: unknown) => void;
  readonly deadlineMs: number;
  readonly arrivedLoad: number;
}

interface State<P> {
  head: ChainHead;
  policy: P;
  readonly window: ProofWindow;
}

interface Batch<P> {
  readonly entries: FinishedEntry[];
  readonly decided: { submission: Submission<P>; result: unknown; ref: EntryRef | null; jti?: string }[];
}

const BATCH_MAX = 256;
const QUEUE_MAX = 4_096;
const COMMIT_WITHIN_MS = 2_000;
const LOSSES_BEFORE_LOCK = 3;

/**
 * One committer per tenant and process. It gathers the decisions that arrive while its last commit is in flight, takes
 * them against the policy in memory, and makes them true with one statement (design 4.5). A swap that hits proves that
 * the policy and the proof ids in memory were current; one that misses means: load, and decide again.
 */
export class Committer<P> {
  readonly #queue: Submission<P>[] = [];
  #state: State<P> | null = null;
  #loads = 0;
  #running: Promise<void> | null = null;
  /** The last entry of a batch whose fate is not known, because the connection broke after it was sent. */
  #doubt: { batch: Batch<P>; last: EntryRef } | null = null;

  constructor(
    private readonly tenantId: string,
    private readonly database: TenantDatabase,
    private readonly load: PolicyLoader<P>,
    private readonly now: () => number,
    private readonly notify: { busy(): void; idle(): void } = { busy: () => undefined, idle: () => undefined },
  ) {}

  /** Decides and commits. Resolves when the entry is durable (or, silent, when the policy is known to be current). */
  submit<R>(decide: Decide<P, R>): Promise<Committed<R>> {
    if (this.#queue.length >= QUEUE_MAX) return Promise.reject(overCapacity('Too many calls of this tenant wait.'));
    return new Promise<Committed<R>>((resolve, reject) => {
      this.#queue.push({
        decide: decide as Decide<P, unknown>,
        resolve: resolve as (committed: Committed<unknown>) => void,
        reject,
        deadlineMs: this.now() + COMMIT_WITHIN_MS,
        arrivedLoad: this.#loads,
      });
      this.#start();
    });
  }

  /** Resolves when nothing is queued or in flight: after it, no decision taken before can still take effect. */
  async drained(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  #start(): void {
    if (this.#running !== null) return;
    this.notify.busy();
    this.#running = this.#run().finally(() => {
      this.#running = null;
      if (this.#queue.length > 0) this.#start();
      else this.notify.idle();
    });
  }

  async #run(): Promise<void> {
    let losses = 0;
    while (this.#queue.length > 0) {
      this.#expire();
      const taken = this.#queue.splice(0, BATCH_MAX);
      if (taken.length === 0) return;
      try {
        const done = losses >= LOSSES_BEFORE_LOCK || this.#doubt !== null ? await this.#commitLocked(taken) : await this.#commit(taken);
        losses = done ? 0 : losses + 1;
      } catch (error) {
        if (this.#doubt === null) for (const submission of taken) submission.reject(error);
        else this.#queue.unshift(...taken);
        if (this.#doubt !== null) await this.#settleDoubt(error);
        losses = 0;
      }
    }
  }

  #expire(): void {
    const now = this.now();
    for (let i = this.#queue.length - 1; i >= 0; i -= 1) {
      const submission = this.#queue[i] as Submission<P>;
      if (submission.deadlineMs > now) continue;
      this.#queue.splice(i, 1);
      submission.reject(overCapacity('The decision could not be made durable in time. Nothing was done.'));
    }
  }

  /** The usual way: decide from memory, swap. False when the swap was lost; the submissions are then back in the queue. */
  async #commit(taken: Submission<P>[]): Promise<boolean> {
    const connection = await this.database.connection(this.tenantId, 'commit');
    let broken = false;
    try {
      const state = this.#state ?? (await this.#loadIn(connection));
      const batch = this.#decideAll(state, taken);
      if (batch === null) {
        this.#state = null;
        this.#queue.unshift(...taken);
        return true;
      }
      const swapped = await this.#swap(connection, state, batch);
      if (!swapped) {
        await this.#catchUp(connection, state);
        this.#queue.unshift(...taken);
        return false;
      }
      this.#settle(state, batch);
      return true;
    } catch (error) {
      broken = isConnectionFailure(error);
      if (broken) this.#state = null;
      throw error;
    } finally {
      connection.release(broken);
    }
  }

  async #swap(connection: PooledConnection, state: State<P>, batch: Batch<P>): Promise<boolean> {
    const last = batch.entries.at(-1);
    if (last === undefined) return this.#isCurrent(connection, state);
    try {
      return await compareAndAppend(connection.client, this.tenantId, state.head, batch.entries);
    } catch (error) {
      if (isConnectionFailure(error)) this.#doubt = { batch, last };
      throw error;
    }
  }

  /** Only silent verdicts: they need no entry, but the policy they were taken under must still be the one in force. */
  async #isCurrent(connection: PooledConnection, state: State<P>): Promise<boolean> {
    const head = await readHead(asTenantTx(this.tenantId, connection.client));
    return head.seq === state.head.seq && head.hash === state.head.hash && head.epoch === state.head.epoch;
  }

  /** After repeated losses, or in doubt about a commit: take the head's lock first, then load, decide and append under it. */
  async #commitLocked(taken: Submission<P>[]): Promise<boolean> {
    const { tenantId } = this;
    const outcome = await this.database.inTenant(
      tenantId,
      async (tx) => {
        const head = await readHead(tx, true);
        const doubt = this.#doubt;
        const landed = doubt !== null && (await hashAt(tx, doubt.last.seq)) === doubt.last.hash;
        const state = await this.#loadState(tx, head);
        const settled = landed ? new Set(doubt.batch.decided.map((d) => d.submission)) : null;
        const open = settled === null ? taken : taken.filter((submission) => !settled.has(submission));
        const batch = this.#decideAll({ ...state }, open, true);
        if (batch === null) throw new Error('a fresh policy cannot ask to be loaded again');
        await appendLocked(tx, batch.entries);
        return { state, batch, landed: landed ? doubt.batch : null };
      },
      { lane: 'commit' },
    );
    this.#doubt = null;
    if (outcome.landed !== null) this.#answer(outcome.landed);
    this.#settle(outcome.state, outcome.batch);
    return true;
  }

  /** The database cannot be reached to learn what became of a batch: its callers get 503, and the sweep finds the rest. */
  async #settleDoubt(error: unknown): Promise<void> {
    const now = this.now();
    const waiting = this.#queue.some((submission) => submission.deadlineMs > now);
    if (waiting) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return;
    }
    for (const submission of this.#queue.splice(0)) submission.reject(error);
    this.#doubt = null;
    this.#state = null;
  }

  #decideAll(state: State<P>, taken: readonly Submission<P>[], fresh = false): Batch<P> | null {
    const nowMs = this.now();
    state.window.prune(nowMs);
    const batch: Batch<P> = { entries: [], decided: [] };
    const used = new Set<string>();
    let last: EntryRef = state.head;
    for (const submission of taken) {
      const verdict = submission.decide({
        policy: state.policy,
        nowMs,
        fresh: fresh || this.#loads > submission.arrivedLoad,
        seen: (jti) => used.has(jti) || state.window.has(jti),
      });
      if (verdict.kind === 'reload') return null;
      if (verdict.kind === 'silent') {
        batch.decided.push({ submission, result: verdict.result, ref: null });
        continue;
      }
      const entry = finish(this.tenantId, last, verdict.draft, nowMs);
      last = { seq: entry.seq, hash: entry.hash };
      batch.entries.push(entry);
      batch.decided.push({ submission, result: verdict.result, ref: last, ...(verdict.jti === undefined ? {} : { jti: verdict.jti }) });
      if (verdict.jti !== undefined) used.add(verdict.jti);
    }
    return batch;
  }

  /** The batch is durable: only now its proof ids are spent. */
  #settle(state: State<P>, batch: Batch<P>): void {
    const last = batch.entries.at(-1);
    const nowMs = this.now();
    for (const { jti } of batch.decided) if (jti !== undefined) state.window.add(jti, nowMs);
    this.#state = { ...state, head: last === undefined ? state.head : { ...state.head, seq: last.seq, hash: last.hash } };
    this.#answer(batch);
  }

  #answer(batch: Batch<P>): void {
    for (const { submission, result, ref } of batch.decided) submission.resolve({ result, ref });
  }

  async #loadIn(connection: PooledConnection): Promise<State<P>> {
    return snapshot(connection, this.tenantId, async (tx) => this.#loadState(tx, await readHead(tx)));
  }

  async #loadState(tx: TenantTx, head: ChainHead): Promise<State<P>> {
    const window = new ProofWindow();
    await window.load(tx, 0, this.now());
    const state: State<P> = { head, policy: await this.load(tx), window };
    this.#loads += 1;
    return state;
  }

  /** The swap was lost: learn the new head and what was appended; the policy again only when its epoch moved. */
  async #catchUp(connection: PooledConnection, state: State<P>): Promise<void> {
    this.#state = await snapshot(connection, this.tenantId, async (tx) => {
      const head = await readHead(tx);
      await state.window.load(tx, state.head.seq, this.now());
      if (head.epoch === state.head.epoch) return { ...state, head };
      this.#loads += 1;
      return { head, policy: await this.load(tx), window: state.window };
    });
  }
}

async function snapshot<T>(connection: PooledConnection, tenantId: string, work: (tx: TenantTx) => Promise<T>): Promise<T> {
  await connection.client.query('begin isolation level repeatable read read only');
  try {
    const result = await work(asTenantTx(tenantId, connection.client));
    await connection.client.query('commit');
    return result;
  } catch (error) {
    await connection.client.query('rollback').catch(() => undefined);
    throw error;
  }
}
