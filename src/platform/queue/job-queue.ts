import type { PoolConfig } from 'pg';
import type { Log } from '../telemetry/logger.js';
import {
  type OpenQueue,
  type OpenWorker,
  openQueue,
  openWorker,
  prepareStore,
  type QueueStore,
} from './queue-store.js';
import { type JobHandler, ScheduledJob } from './scheduled-job.js';
import { within } from './within.js';

const QUEUE = 'jobs';
/** No name of a scheduled job has a point in it. */
const ADDED = 'added.job';
const SCHEMA = 'bullmq';
const PREFIX = '{chancery}'; // one hash slot, so that it works on Redis Cluster too
const CONCURRENCY = 4;
const START_MS = 30_000;
const ASK_MS = 5_000;
const DRAIN_MS = 10_000;
const WATCH_MS = 15_000;
/** A job is overdue after so many looks, or so long: a worker that is only slow must not be made anew. */
const LOOKS_OVERDUE = 10;
const PATIENCE_MS = 30_000;
const RUN_MS = 300_000;
const ATTEMPTS = { attempts: 3, backoff: { type: 'exponential', delay: 1_000 } };
const KEEP = { removeOnComplete: true, removeOnFail: { count: 100 } };
const NAME = /^[a-z][a-z0-9-]{0,63}$/; // BullMQ forbids colons and plain numbers in ids

export type JobQueueOptions = {
  log: Log;
  /** Used when there is no Redis: the login that owns the schema `bullmq`. */
  postgres?: PoolConfig;
  redisUrl?: string | null;
  prefix?: string;
  /** Two queues on one store have two names. */
  name?: string;
  /** How many jobs this process runs at a time. */
  concurrency?: number;
  /** What is done with jobs that `add` brought. */
  work?: (data: unknown, signal: AbortSignal) => Promise<void>;
  /** How long `stop` waits for running jobs before it aborts them. */
  drainMs?: number;
  /** How often the watchdog looks. */
  watchMs?: number;
  /** How long the store may take for an answer before it counts as lost. */
  askMs?: number;
};

/** A job for once. An id that the queue still holds is not added again. */
export type AddedJob = { id: string; data: unknown };

type State = 'ok' | 'stopped' | 'unreachable' | 'stalled';

/**
 * Runs jobs every so often, on one process of all. BullMQ delivers at least once and may forget: handlers must be
 * idempotent, and what must not be lost stands in the database. A watchdog puts back what the queue has lost.
 */
export class JobQueue {
  #store: QueueStore;
  readonly #log: Log;
  readonly #options: JobQueueOptions;
  readonly #jobs = new Map<string, ScheduledJob>();
  readonly #stopping = new AbortController();
  #queue: OpenQueue | undefined;
  #worker: OpenWorker | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  /** The worker's connection failed since it was opened. */
  #hasFailed = false;
  #state: State = 'stopped';
  #stopped: Promise<void> | undefined;
  #runs = 0;
  #lastEnded: (() => void) | undefined;

  constructor(options: JobQueueOptions) {
    this.#options = options;
    this.#log = options.log;
    if (options.redisUrl) this.#store = { kind: 'redis', url: options.redisUrl, prefix: options.prefix ?? PREFIX };
    else if (options.postgres) this.#store = { kind: 'postgres', login: options.postgres, schema: SCHEMA };
    else throw new Error('a job queue needs a Redis or a PostgreSQL');
  }

  /** Before `start`. The handler gets a signal that aborts at shutdown and after `timeoutMs`. */
  schedule(name: string, due: { everyMs: number; timeoutMs?: number }, handler: JobHandler): void {
    if (!NAME.test(name)) throw new Error(`not a name for a job: ${name}`);
    if (this.#jobs.has(name)) throw new Error(`there is a job named ${name} already`);
    if (this.#state !== 'stopped') throw new Error('jobs are scheduled before the queue starts');
    this.#jobs.set(name, new ScheduledJob(name, due.everyMs, handler, due.timeoutMs ?? RUN_MS, this.#log));
  }

  /** Lost with the queue: what must not be lost stands in the database as well. Throws when the queue does not take them. */
  async add(jobs: readonly AddedJob[]): Promise<void> {
    const queue = this.#queue;
    if (!queue) throw new Error('the queue is not open');
    const options = { attempts: 1, removeOnComplete: true, removeOnFail: true };
    // One by one: BullMQ's own way for many makes a temporary table, which no login of ours may.
    const adding = jobs.map(({ id, data }) => queue.add(ADDED, data, { ...options, jobId: id }));
    await within(this.#askMs, Promise.all(adding)); // of a queue that was closed meanwhile, no answer ever comes
  }

  /** Throws when the queue cannot be reached: an instance whose sweeps do not run must not look healthy. */
  async start(): Promise<void> {
    try {
      await within(START_MS, this.#open());
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#state = 'ok';
    this.#watchLater();
  }

  /** Lets running jobs end, for a while, then tells them to. Safe to repeat. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  health(): { ready: boolean; state: State } {
    return { ready: this.#state === 'ok', state: this.#state };
  }

  /** `anew`: what a worker that is gone still holds keeps nobody waiting, because every schedule begins again. */
  async #open(anew = false): Promise<void> {
    this.#store = await prepareStore(this.#store, this.#log);
    const queue = openQueue(this.#store, this.#name);
    this.#queue = queue;
    queue.on('error', (error) => this.#log.warn({ err: error }, 'queue connection'));
    await queue.waitUntilReady();
    for (const job of this.#jobs.values()) await this.#keepScheduled(queue, job, anew);
    if (this.#queue !== queue || this.#stopped) throw new Error('the queue was given up while it opened');
    const concurrency = this.#options.concurrency ?? CONCURRENCY;
    const worker = openWorker(this.#store, this.#name, (job) => this.#run(job.name, job.data), { concurrency });
    this.#worker = worker;
    this.#hasFailed = false;
    worker.on('error', (error) => {
      this.#hasFailed = true;
      this.#log.warn({ err: error }, 'queue worker');
    });
    await worker.waitUntilReady();
  }

  async #run(name: string, data: unknown): Promise<void> {
    this.#runs += 1;
    try {
      await this.#work(name, data);
    } finally {
      this.#runs -= 1;
      if (this.#runs === 0) this.#lastEnded?.();
    }
  }

  async #work(name: string, data: unknown): Promise<void> {
    if (name === ADDED) return await this.#options.work?.(data, this.#stopping.signal);
    const job = this.#jobs.get(name);
    if (job) return await job.run(this.#stopping.signal);
    this.#log.warn({ job: name }, 'a job that this version does not know is left alone');
  }

  /** True when the queue had what it needs to run the job on time. */
  async #keepScheduled(queue: OpenQueue, job: ScheduledJob, anew = false): Promise<boolean> {
    const known = await queue.getJobScheduler(job.name);
    const overdueMs = Date.now() - (known?.next ?? 0);
    const patienceMs = Math.max(job.everyMs, Math.min(LOOKS_OVERDUE * this.#watchMs, PATIENCE_MS));
    if (!anew && known?.every === job.everyMs && overdueMs < patienceMs) return true;
    if (known) await queue.removeJobScheduler(job.name);
    const template = { name: job.name, opts: { ...ATTEMPTS, ...KEEP } };
    await queue.upsertJobScheduler(job.name, { every: job.everyMs }, template);
    return false;
  }

  get #name(): string {
    return this.#options.name ?? QUEUE;
  }

  get #askMs(): number {
    return this.#options.askMs ?? ASK_MS;
  }

  get #watchMs(): number {
    return this.#options.watchMs ?? WATCH_MS;
  }

  #watchLater(): void {
    this.#watchdog = setTimeout(() => {
      void this.#watch().finally(() => {
        if (!this.#stopping.signal.aborted && !this.#stopped) this.#watchLater();
      });
    }, this.#watchMs);
    this.#watchdog.unref();
  }

  /** Workers can sit idle after a failover, and a queue can lose its schedules: both are made anew. */
  async #watch(): Promise<void> {
    try {
      const healthy = await within(this.#askMs, this.#look());
      if (healthy) {
        this.#state = 'ok';
        return;
      }
      this.#state = 'stalled';
      this.#log.warn('the queue lost its schedules or its worker; both are made anew');
    } catch (error) {
      this.#state = 'unreachable';
      this.#log.warn({ err: error }, 'the queue does not answer; it is opened anew');
    }
    await this.#reopen();
  }

  async #look(): Promise<boolean> {
    const queue = this.#queue;
    // One that lost its connection may wait for ever and say that it runs.
    if (!queue || !this.#worker?.isRunning() || this.#hasFailed) return false;
    let healthy = true;
    for (const job of this.#jobs.values()) healthy = (await this.#keepScheduled(queue, job)) && healthy;
    return healthy;
  }

  async #reopen(): Promise<void> {
    if (this.#stopped) return;
    const [queue, worker] = [this.#queue, this.#worker];
    this.#queue = this.#worker = undefined;
    void worker?.close(true).catch(() => undefined); // a run that goes on is left to end
    void queue?.close().catch(() => undefined);
    try {
      await within(START_MS, this.#open(true));
      this.#state = 'ok';
    } catch (error) {
      this.#log.warn({ err: error }, 'the queue cannot be opened; the next look tries again');
    }
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#watchdog);
    this.#state = 'stopped';
    const drainMs = this.#options.drainMs ?? DRAIN_MS;
    const closed = this.#worker?.close() ?? Promise.resolve();
    const idle = this.#runs === 0 ? Promise.resolve() : new Promise<void>((resolve) => (this.#lastEnded = resolve));
    await within(drainMs, idle).catch(() => this.#log.warn('jobs still run; they are told to stop'));
    this.#stopping.abort();
    // There is no stronger way: a close that is under way is not begun again.
    const endMs = Math.min(drainMs, this.#askMs);
    await within(endMs, closed).catch((error) => this.#log.warn({ err: error }, 'the queue worker is left as it is'));
    await within(endMs, this.#queue?.close() ?? Promise.resolve()).catch((error) =>
      this.#log.warn({ err: error }, 'the queue connection is left as it is'),
    );
  }
}
