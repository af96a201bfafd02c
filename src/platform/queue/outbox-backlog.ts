import { sql } from 'drizzle-orm';
import type { ServiceDatabase } from '../database/service-database.js';
import { within } from './within.js';

const COUNTED_MAX = 10_000;
const ANSWER_MS = 1_000;
/** However often somebody asks. */
const ASK_EVERY_MS = 5_000;

export interface Backlog extends Record<string, unknown> {
  /** Jobs whose time has come and which nobody has done; no more than 10 000 are counted. */
  readonly due: number;
  /** For how long the first of them has been due. */
  readonly oldest_seconds: number;
}

/** How far the work behind acts lags, on all nodes together. */
export class OutboxBacklog {
  #asked: Promise<Backlog> | null = null;
  #askedAtMs = 0;

  constructor(
    private readonly services: Pick<ServiceDatabase, 'scheduler'>,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Rejects when the database does not answer soon. */
  read(): Promise<Backlog> {
    const asked = this.#asked;
    if (asked !== null && this.nowMs() - this.#askedAtMs < ASK_EVERY_MS) return asked;
    this.#askedAtMs = this.nowMs();
    this.#asked = within(ANSWER_MS, this.#ask());
    return this.#asked;
  }

  async #ask(): Promise<Backlog> {
    const { rows } = await this.services.scheduler.execute<Backlog>(sql`
      select count(*)::int as due, coalesce(extract(epoch from now() - min(due_at)), 0)::float8 as oldest_seconds
      from (select due_at from outbox where done_at is null and due_at <= now() limit ${COUNTED_MAX}) waiting`);
    return rows[0] as Backlog;
  }
}
