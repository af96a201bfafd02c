import type { ServiceDatabase } from '../database/service-database.js';
import type { TenantDatabase } from '../database/tenant-database.js';
import { JobQueue, type JobQueueOptions } from './job-queue.js';
import { OutboxRelay, type OutboxRelayOptions } from './outbox-relay.js';
import { type OutboxHandler, OutboxWorker } from './outbox-worker.js';

const NAME = 'outbox';
/** They wait for others most of the time. */
const CONCURRENCY = 64;
const HEARTBEAT_MS = 30_000;

export interface OutboxQueueOptions {
  readonly queue: Omit<JobQueueOptions, 'name' | 'concurrency' | 'work'>;
  readonly relay: OutboxRelayOptions;
  readonly database: TenantDatabase;
  readonly services: Pick<ServiceDatabase, 'scheduler'>;
}

/** Relay, queue and worker of the outbox: what commits with an act is done soon after, by one process of all. */
export class OutboxQueue {
  readonly #queue: JobQueue;
  readonly #relay: OutboxRelay;
  readonly #worker: OutboxWorker;

  constructor({ queue, relay, database, services }: OutboxQueueOptions) {
    const { log } = queue;
    this.#worker = new OutboxWorker(database, log);
    this.#queue = new JobQueue({
      ...queue,
      name: NAME,
      concurrency: CONCURRENCY,
      work: async (data, signal) => {
        await this.#worker.run(data as { tenantId: string; id: string }, signal);
        this.#relay.poke();
      },
    });
    // The watchdog sees by it whether the worker is alive.
    this.#queue.schedule('heartbeat', { everyMs: HEARTBEAT_MS }, () => Promise.resolve());
    const add = (jobs: readonly { jobId: string; tenantId: string; id: string }[]): Promise<void> =>
      this.#queue.add(jobs.map(({ jobId, ...data }) => ({ id: jobId, data })));
    this.#relay = new OutboxRelay(services, add, log, relay);
  }

  /** Before `start`. */
  handle(queue: string, handler: OutboxHandler): void {
    this.#worker.handle(queue, handler);
  }

  async start(): Promise<void> {
    await this.#queue.start();
    this.#relay.start();
  }

  async stop(): Promise<void> {
    await this.#relay.stop();
    await this.#queue.stop();
  }

  health(): ReturnType<JobQueue['health']> {
    return this.#queue.health();
  }
}
