import type { TenantDatabase } from '../database/tenant-database.js';
import type { TenantTx } from '../database/tenant-tx.js';
import { publicId } from '../ids.js';
import type { Log } from '../telemetry/logger.js';
import { finishJob, type Lease, LeaseLostError, postponeJob, takeLease } from './outbox.js';

/** A job as its handler sees it. One of the two is called in the transaction that writes what was done. */
export interface OutboxWork {
  readonly tenantId: string;
  readonly id: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  /** Throws when somebody else took over: then nothing of the transaction becomes true. */
  done(tx: TenantTx): Promise<void>;
  again(tx: TenantTx, delayMs: number): Promise<void>;
}

/** May run twice for the same job: what it does outside the database must bear that. */
export type OutboxHandler = (work: OutboxWork) => Promise<void>;

/** Longer than any handler may take; a process that died is waited for as long. */
export const LEASE_MS = 60_000;
const BACKOFF_MS = [1_000, 5_000, 30_000, 300_000, 1_800_000] as const;
/** A job that fails in a way its handler did not foresee is given up after about a day. */
const ATTEMPTS_MAX = 50;

/** Takes a job from the queue to its handler: lease, work, done. The queue's own word for it counts for nothing. */
export class OutboxWorker {
  readonly #handlers = new Map<string, OutboxHandler>();

  constructor(
    private readonly database: TenantDatabase,
    private readonly log: Log,
  ) {}

  handle(queue: string, handler: OutboxHandler): void {
    if (this.#handlers.has(queue)) throw new Error(`somebody handles ${queue} already`);
    this.#handlers.set(queue, handler);
  }

  /** Never throws for what the handler does: when to try again stands in the database. */
  async run(job: { readonly tenantId: string; readonly id: string }, signal: AbortSignal): Promise<void> {
    const lease = await this.database.inTenant(job.tenantId, (tx) => takeLease(tx, job.id, LEASE_MS));
    if (lease === undefined) return;
    const handler = this.#handlers.get(lease.queue);
    try {
      if (handler === undefined) throw new Error(`nobody handles ${lease.queue}`);
      await handler({
        tenantId: job.tenantId,
        id: job.id,
        payload: lease.payload,
        signal,
        done: (tx) => finishJob(tx, lease),
        again: (tx, delayMs) => postponeJob(tx, lease, delayMs),
      });
    } catch (error) {
      if (error instanceof LeaseLostError) return;
      await this.#failed(job.tenantId, lease, error);
    }
  }

  async #failed(tenantId: string, lease: Lease, error: unknown): Promise<void> {
    const over = lease.attempts >= ATTEMPTS_MAX;
    const said = { tenant: publicId('ten', tenantId), queue: lease.queue, attempts: lease.attempts, err: error };
    this.log[over ? 'error' : 'warn'](said, over ? 'a job is given up' : 'a job failed; it is tried again');
    const delayMs = BACKOFF_MS[Math.min(lease.attempts, BACKOFF_MS.length) - 1] ?? BACKOFF_MS[0];
    // Without a database the lease runs out, and the job is found overdue.
    await this.database
      .inTenant(tenantId, (tx) => (over ? finishJob(tx, lease) : postponeJob(tx, lease, delayMs)))
      .catch(() => undefined);
  }
}
