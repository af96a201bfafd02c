import { setImmediate as turnEnds, setTimeout as sleep } from 'node:timers/promises';
import {
  databaseUnavailable,
  isConnectionFailure,
  isOutOfService,
  OutcomeUnknownError,
  overCapacity,
} from '../platform/database/database.errors.js';
import { asTenantTx, type TenantDatabase } from '../platform/database/tenant-database.js';
import type { PooledConnection } from '../platform/database/tenant-pools.js';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import type { EntryRef } from '../tenancy/acts.js';
import { appendLocked, compareAndAppend, hashAt, readHead } from './audit.repository.js';
import { answerBatch, type Batch, decideBatch } from './batch.js';
import { CommitCounts } from './commit-counts.js';
import type { Committed, Decide, PolicyLoader } from './decision.js';
import { ChainPutBackError, type Known, PolicyMemory } from './policy-memory.js';
import { Submission } from './submission.js';

export type { Committed, Decide, DecisionView, PolicyLoader, Verdict } from './decision.js';

const BATCH_MAX = 256;
const QUEUE_MAX = 4_096;
const COMMIT_WITHIN_MS = 2_000;
const EXPIRE_EVERY_MS = 50;
const LOSSES_BEFORE_LOCK = 3;
const DOUBT_RETRY_MS = 50;
/** So many are worth a batch of their own, when those that come right behind them are there. */
const MANY = 4;
const MANY_PATIENCE_MS = 10;

export interface SubmitOptions {
  /** Above 0 nobody waits for it: it goes with the next batch, or by itself after so long. At most a second. */
  readonly patienceMs?: number;
}

/** A batch that was sent over a connection that broke before the answer came. */
interface Doubt<P> {
  readonly batch: Batch<P>;
  readonly last: EntryRef;
}

/**
 * One committer per tenant and process. It gathers the decisions that arrive while its last commit is in flight, takes
 * them against the policy in memory, and makes them true with one statement (design 4.5). A swap that hits proves that
 * the policy and the proof ids in memory were current; one that misses means: catch up, and decide again.
 */
export class Committer<P> {
  #queue: Submission<P>[] = [];
  #inFlight: readonly Submission<P>[] = [];
  #running = false;
  /** Ends the wait for company. */
  #wake: () => void = () => undefined;
  /** Somebody waits for all there is. */
  #isHurried = false;
  /** More than one when a look at the first was lost as well: any of them may still land, until the head moves. */
  #doubts: Doubt<P>[] = [];
  #isForgetful = false;
  readonly #memory: PolicyMemory<P>;

  constructor(
    private readonly tenantId: string,
    private readonly database: TenantDatabase,
    load: PolicyLoader<P>,
    private readonly now: () => number,
    private readonly notify: { busy(): void; idle(): void; putBack?(): void } = {
      busy: () => undefined,
      idle: () => undefined,
    },
    private readonly counts = new CommitCounts(),
  ) {
    this.#memory = new PolicyMemory(load, now);
  }

  /**
   * Decides and commits. Resolves when the entry is durable (or, silent, when the policy is known to be current);
   * rejects with 503 after two seconds, or two after its patience: then the entry may still turn up, but nobody acts on it.
   */
  submit<R>(decide: Decide<P, R>, { patienceMs = 0 }: SubmitOptions = {}): Promise<Committed<R>> {
    if (this.#queue.length >= QUEUE_MAX) return Promise.reject(overCapacity('Too many calls of this tenant wait.'));
    return new Promise<Committed<R>>((resolve, reject) => {
      const answer = resolve as (committed: Committed<unknown>) => void;
      const deadlineMs = this.now() + patienceMs + COMMIT_WITHIN_MS;
      this.#queue.push(new Submission(decide, deadlineMs, this.#memory.loadsBegun, patienceMs, answer, reject));
      if (!this.#running) void this.#run();
      else if (patienceMs === 0 || this.#queue.length === MANY) this.#wake();
    });
  }

  /** Decisions that wait for a batch. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Where the chain ended when it was looked at last; null before. */
  get end(): { readonly seq: number; readonly hash: string } | null {
    return this.#memory.known?.head ?? null;
  }

  /** The next attempt begins with nothing but what it reads. */
  forget(): void {
    this.#isForgetful = true;
  }

  /** Resolves when everything submitted so far was answered: after it, no decision taken before can still take effect. */
  async drained(): Promise<void> {
    this.#isHurried = true;
    this.#wake();
    await Promise.all([...this.#inFlight, ...this.#queue].map((submission) => submission.whenSettled()));
  }

  async #run(): Promise<void> {
    this.#running = true;
    this.notify.busy();
    let losses = 0;
    for (;;) {
      await this.#gathered();
      // Nothing may come between an empty queue and the end of the run: it would wait for the next to come.
      const taken = this.#take();
      if (taken.length === 0) break;
      const expiry = setInterval(() => this.#expire(), EXPIRE_EVERY_MS).unref();
      const landed = await this.#attempt(taken, losses >= LOSSES_BEFORE_LOCK || this.#doubts.length > 0);
      clearInterval(expiry);
      losses = landed ? 0 : losses + 1;
      if (!landed) this.counts.lost += 1;
    }
    this.#doubts = []; // whoever waited for them has given up
    this.#running = false;
    this.notify.idle();
  }

  /** What this turn of the event loop brings comes together: a commit costs the database much the same for one as for ten. */
  async #gathered(): Promise<void> {
    await turnEnds();
    const patienceMs = this.#patienceMs();
    if (patienceMs === 0) return;
    if (this.#queue.length < MANY) await this.#company(patienceMs);
    if (this.#queue.length >= MANY) await this.#company(Math.min(this.#patienceMs(), MANY_PATIENCE_MS));
    await turnEnds();
  }

  /** As long as whoever has least. */
  #patienceMs(): number {
    if (this.#isHurried || this.#queue.length === 0) return 0;
    return Math.min(...this.#queue.map(({ patienceMs }) => patienceMs));
  }

  async #company(patienceMs: number): Promise<void> {
    if (patienceMs === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, patienceMs);
    });
    clearTimeout(timer);
  }

  #take(): readonly Submission<P>[] {
    this.#expire();
    this.#isHurried = false;
    this.#inFlight = this.#queue.splice(0, BATCH_MAX);
    return this.#inFlight;
  }

  #expire(): void {
    const nowMs = this.now();
    for (const submission of [...this.#inFlight, ...this.#queue]) {
      if (submission.deadlineMs > nowMs) continue;
      submission.fail(overCapacity('The decision could not be made durable in time. Nothing was sent.'));
    }
    this.#queue = this.#queue.filter((submission) => !submission.settled);
  }

  /** False when the swap was lost; the submissions are then back in the queue. */
  async #attempt(taken: readonly Submission<P>[], lock: boolean): Promise<boolean> {
    if (this.#isForgetful) this.#memory.forget();
    this.#isForgetful = false;
    try {
      const landed = lock ? await this.#commitLocked(taken) : await this.#commit(taken);
      if (!landed) this.#putBack(taken);
      return landed;
    } catch (error) {
      if (this.#doubts.length === 0) {
        if (error instanceof ChainPutBackError) this.notify.putBack?.();
        const told = toldOf(error);
        for (const submission of taken) submission.fail(told);
      } else {
        this.#putBack(taken);
        await sleep(DOUBT_RETRY_MS);
      }
      return true;
    }
  }

  #putBack(taken: readonly Submission<P>[]): void {
    this.#queue.unshift(...taken.filter((submission) => !submission.settled));
  }

  /** The usual way: decide from memory, swap. */
  async #commit(taken: readonly Submission<P>[]): Promise<boolean> {
    const connection = await this.database.connection(this.tenantId, 'commit');
    let broken = true;
    try {
      const known = this.#memory.known ?? (await this.#catchUp(connection, false));
      const batch = this.#decide(known, taken) ?? this.#decideFresh(await this.#catchUp(connection, true), taken);
      const swapped = await this.#swap(connection, batch);
      if (swapped) this.#settle(batch);
      else await this.#catchUp(connection, false);
      broken = false;
      return swapped;
    } finally {
      connection.release(broken);
    }
  }

  async #swap(connection: PooledConnection, batch: Batch<P>): Promise<boolean> {
    const { head } = this.#memory.known as Known<P>;
    const last = batch.entries.at(-1);
    if (last === undefined) {
      // Only silent verdicts: they need no entry, but the policy behind them must still be the one in force.
      const now = await readHead(asTenantTx(this.tenantId, connection.client));
      return now.seq === head.seq && now.hash === head.hash && now.epoch === head.epoch;
    }
    try {
      return await compareAndAppend(connection.client, this.tenantId, head, batch.entries);
    } catch (error) {
      if (isConnectionFailure(error)) this.#doubts.push({ batch, last });
      throw error;
    }
  }

  /**
   * After repeated losses, or in doubt about a batch: take the head's lock first, then look, decide and append under it.
   * What was in doubt has landed by then or never will: what is appended here moves the head it would swap.
   */
  async #commitLocked(taken: readonly Submission<P>[]): Promise<boolean> {
    const load = this.#memory.beginLoad();
    let appended: Doubt<P> | null = null;
    const work = async (tx: TenantTx): Promise<Batch<P>> => {
      const head = await readHead(tx, true);
      await this.#settleDoubts(tx);
      const known = await this.#memory.catchUp(tx, head, load, false);
      const batch =
        this.#decide(known, taken) ?? this.#decideFresh(await this.#memory.catchUp(tx, head, load, true), taken);
      await appendLocked(tx, batch.entries);
      const last = batch.entries.at(-1);
      if (last !== undefined) appended = { batch, last };
      return batch;
    };
    try {
      this.#settle(await this.database.inTenant(this.tenantId, work, { lane: 'commit' }));
      this.#doubts = [];
      return true;
    } catch (error) {
      if (error instanceof OutcomeUnknownError && appended !== null) this.#doubts.push(appended);
      throw error;
    }
  }

  async #settleDoubts(tx: TenantTx): Promise<void> {
    for (const { batch, last } of this.#doubts) if ((await hashAt(tx, last.seq)) === last.hash) answerBatch(batch);
  }

  #decide(known: Known<P>, taken: readonly Submission<P>[]): Batch<P> | null {
    return decideBatch(this.tenantId, known, taken, this.now());
  }

  #decideFresh(known: Known<P>, taken: readonly Submission<P>[]): Batch<P> {
    const batch = this.#decide(known, taken);
    if (batch === null) throw new Error('a fresh policy cannot ask to be loaded again');
    return batch;
  }

  #settle(batch: Batch<P>): void {
    const last = batch.entries.at(-1);
    if (last !== undefined) {
      this.#memory.advance(last, batch.learned);
      this.counts.batches.observe(batch.entries.length);
    }
    answerBatch(batch);
  }

  /** Head, entries since and policy in one snapshot. */
  async #catchUp({ client }: PooledConnection, anew: boolean): Promise<Known<P>> {
    const load = this.#memory.beginLoad();
    await client.query('begin isolation level repeatable read read only');
    const tx = asTenantTx(this.tenantId, client);
    const known = await this.#memory.catchUp(tx, await readHead(tx), load, anew);
    await client.query('commit');
    return known;
  }
}

function toldOf(error: unknown): unknown {
  if (error instanceof ChainPutBackError) return overCapacity('The database is being looked into. Nothing was done.');
  return isOutOfService(error) ? databaseUnavailable() : error;
}
