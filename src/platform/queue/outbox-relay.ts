import { sql } from 'drizzle-orm';
import type { ServiceDatabase } from '../database/service-database.js';
import type { Log } from '../telemetry/logger.js';

/** What goes into the queue: where the work is, and nothing of what it is. */
export interface RelayedJob {
  /** Differs when the same work is due again: the queue ignores an id that it still holds. */
  readonly jobId: string;
  readonly tenantId: string;
  readonly id: string;
}

export interface OutboxRelayOptions {
  readonly everyMs: number;
  /** What was put into the queue and is not done after this long is put there again. */
  readonly lostAfterMs?: number;
}

const LOST_AFTER_MS = 60_000;
const PAGE = 500;
/** Of one tenant in the queue at a time, so that nobody's backlog stands before another tenant's first job. */
const OF_ONE_TENANT_MAX = 16;

interface Row extends Record<string, unknown> {
  tenant_id: string;
  id: string;
  due: string;
}

/**
 * Puts what is due into the queue, and again what the queue seems to have lost (P15). Every process with jobs runs one;
 * two at once put the same job there under the same id. It marks a row after the queue has it: better twice than never.
 */
export class OutboxRelay {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(
    private readonly services: Pick<ServiceDatabase, 'scheduler'>,
    private readonly add: (jobs: readonly RelayedJob[]) => Promise<void>,
    private readonly log: Log,
    private readonly options: OutboxRelayOptions,
  ) {}

  start(): void {
    this.#later();
  }

  /** Looks now: something was just written, or a place in the queue became free. */
  poke(): void {
    if (this.#stopped) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#running = this.#relay().finally(() => {
      this.#running = undefined;
      if (this.#again) this.poke();
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #later(): void {
    this.#timer = setTimeout(() => {
      this.poke();
      void (this.#running ?? Promise.resolve()).finally(() => {
        if (!this.#stopped) this.#later();
      });
    }, this.options.everyMs);
    this.#timer.unref();
  }

  async #relay(): Promise<void> {
    try {
      for (let full = true; full && !this.#stopped;) {
        const due = await this.#due();
        if (due.length > 0) {
          await this.add(due);
          await this.#mark(due);
        }
        full = due.length === PAGE;
      }
    } catch (error) {
      this.log.warn({ err: error }, 'the outbox could not be relayed; the next look tries again');
    }
  }

  /** All that the scheduler's login can read of a job: where it is, and when. */
  async #due(): Promise<RelayedJob[]> {
    const lostAfter = sql`${this.options.lostAfterMs ?? LOST_AFTER_MS} * interval '1 millisecond'`;
    const { rows } = await this.services.scheduler.execute<Row>(sql`
      select tenant_id, id, due from (
        select tenant_id, id, due_at, trunc(extract(epoch from due_at) * 1000)::text as due,
          coalesce(relayed_at > now() - ${lostAfter}, false) as queued,
          row_number() over (partition by tenant_id order by coalesce(relayed_at > now() - ${lostAfter}, false) desc, due_at) as place
        from outbox where done_at is null and due_at <= now()) open
      where not queued and place <= ${OF_ONE_TENANT_MAX} order by due_at limit ${PAGE}`);
    return rows.map((row) => ({ jobId: `${row.id}-${row.due}`, tenantId: row.tenant_id, id: row.id }));
  }

  async #mark(jobs: readonly RelayedJob[]): Promise<void> {
    const tenants = sql.param(jobs.map(({ tenantId }) => tenantId));
    const ids = sql.param(jobs.map(({ id }) => id));
    await this.services.scheduler.execute(sql`
      update outbox set relayed_at = now() from unnest(${tenants}::uuid[], ${ids}::uuid[]) as job (tenant, job_id)
      where tenant_id = job.tenant and id = job.job_id`);
  }
}
