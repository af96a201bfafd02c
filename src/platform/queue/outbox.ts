import type { TenantTx } from '../database/tenant-tx.js';
import { newUuid } from '../ids.js';

/** Work to be done after the transaction that asks for it. */
export interface OutboxJob {
  readonly id: string;
  /** Whose work it is; a handler of this name takes it. */
  readonly queue: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly delayMs?: number;
}

/** The right to work on a job, for a while. Who comes too late finds that the token is another one. */
export interface Lease {
  readonly id: string;
  readonly token: string;
  readonly queue: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** This one included. */
  readonly attempts: number;
}

/** Somebody else has taken the job over, or it was done: what was about to be written must not be. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
  constructor() {
    super('the lease of a job was lost');
  }
}

/** Commits with the caller's transaction. A job with an id that was used before is work to be done again. */
export async function enqueue(tx: TenantTx, jobs: readonly OutboxJob[]): Promise<void> {
  if (jobs.length === 0) return;
  await tx.client.query(
    `insert into outbox (tenant_id, id, queue, payload, due_at)
     select $1::uuid, id, queue, payload, now() + delay_ms * interval '1 millisecond'
     from unnest($2::uuid[], $3::text[], $4::jsonb[], $5::bigint[]) as job (id, queue, payload, delay_ms)
     on conflict (tenant_id, id) do update set queue = excluded.queue, payload = excluded.payload,
       due_at = excluded.due_at, relayed_at = null, done_at = null, attempts = 0, lease_token = null, lease_until = null`,
    [
      tx.tenantId,
      jobs.map(({ id }) => id),
      jobs.map(({ queue }) => queue),
      jobs.map(({ payload }) => JSON.stringify(payload)),
      jobs.map(({ delayMs }) => Math.round(delayMs ?? 0)),
    ],
  );
}

/** Undefined when there is nothing to do: it is done, not due yet, or somebody is at it. */
export async function takeLease(tx: TenantTx, id: string, leaseMs: number): Promise<Lease | undefined> {
  const { rows } = await tx.client.query<Lease>(
    `update outbox set lease_token = $3, lease_until = now() + $4 * interval '1 millisecond', attempts = attempts + 1
     where tenant_id = $1 and id = $2 and done_at is null and due_at <= now() and coalesce(lease_until <= now(), true)
     returning id, lease_token as token, queue, payload, attempts`,
    [tx.tenantId, id, newUuid(), leaseMs],
  );
  return rows[0];
}

/** In the transaction of the work itself, so that both are true or neither. Throws when the lease was lost. */
export async function finishJob(tx: TenantTx, lease: Lease): Promise<void> {
  await fenced(tx, lease, 'done_at = now(), lease_token = null, lease_until = null', []);
}

/** The same for work that is to go on later. */
export async function postponeJob(tx: TenantTx, lease: Lease, delayMs: number): Promise<void> {
  const again = `due_at = now() + $4 * interval '1 millisecond', relayed_at = null, lease_token = null, lease_until = null`;
  await fenced(tx, lease, again, [Math.round(delayMs)]);
}

async function fenced(tx: TenantTx, { id, token }: Lease, set: string, values: readonly unknown[]): Promise<void> {
  const { rowCount } = await tx.client.query(
    `update outbox set ${set} where tenant_id = $1 and id = $2 and lease_token = $3`,
    [tx.tenantId, id, token, ...values],
  );
  if (rowCount !== 1) throw new LeaseLostError();
}

/** Forgets what was done long ago. */
export async function pruneOutbox(tx: TenantTx, doneBefore: Date): Promise<void> {
  await tx.client.query('select delete_jobs($1)', [doneBefore]);
}
