import { randomUUID } from 'node:crypto';
import { AdministrativeActs } from '../../src/audit/administrative-acts.js';
import type { CommitCounts } from '../../src/audit/commit-counts.js';
import { Committer, type Decide, type DecisionView } from '../../src/audit/committer.js';
import { SystemClock } from '../../src/platform/clock.js';
import { TenantDatabase } from '../../src/platform/database/tenant-database.js';
import type { TenantTx } from '../../src/platform/database/tenant-tx.js';
import type { EntryRef } from '../../src/tenancy/acts.js';
import type { OpenDatabase } from './database.js';

/** The smallest policy there is: whether a brake is on, and which sessions there are. */
export interface ToyPolicy {
  readonly braked: boolean;
  readonly sessions: ReadonlySet<string>;
}
export type ToyResult = 'allowed' | 'braked' | 'replayed' | 'unknown_session';

export async function loadToyPolicy(tx: TenantTx): Promise<ToyPolicy> {
  const brakes = await tx.client.query('select from brakes where tenant_id = $1 and cleared_at is null', [tx.tenantId]);
  const sessions = await tx.client.query<{ id: string }>('select id from agent_sessions where tenant_id = $1', [
    tx.tenantId,
  ]);
  return { braked: brakes.rowCount !== 0, sessions: new Set(sessions.rows.map((row) => row.id)) };
}

/** A use: allowed unless braked, once a proof; with a session, only when that is known. */
export function use(jti: string = randomUUID(), session?: string): Decide<ToyPolicy, ToyResult> {
  return (view: DecisionView<ToyPolicy>) => {
    if (view.seen(jti)) return { kind: 'silent', result: 'replayed' };
    if (session !== undefined && !view.policy.sessions.has(session)) {
      return view.fresh ? { kind: 'silent', result: 'unknown_session' } : { kind: 'reload' };
    }
    const [outcome, result] = view.policy.braked ? (['denied', 'braked'] as const) : (['intent', 'allowed'] as const);
    const draft = { actor: 'agent:toy', action: 'toy.use', outcome, details: { jti } };
    return { kind: 'entry', draft, jti, result };
  };
}

/** By a clock that stands still nobody's time runs out, on however slow a machine, unless a test gives another. */
export function newCommitter(
  open: Pick<OpenDatabase, 'tenants'>,
  tenantId: string,
  now: () => number = stillClock(),
  counts?: CommitCounts,
): Committer<ToyPolicy> {
  return new Committer(tenantId, open.tenants, loadToyPolicy, now, undefined, counts);
}

function stillClock(): () => number {
  const nowMs = Date.now();
  return () => nowMs;
}

/** The administrative act that turns the toy's policy: raises the epoch and leaves its entry. */
export function pullBrake(open: OpenDatabase, tenantId: string): Promise<EntryRef> {
  return new AdministrativeActs(open.tenants, new SystemClock()).run(tenantId, async ({ tx, chain }) => {
    const ref = await chain.append({ actor: 'member:toy', action: 'brake.activate', outcome: 'success', details: {} });
    await tx.client.query(
      `insert into brakes (tenant_id, id, scope, reason, activated_at, activated_by, activated_seq, activated_hash)
       values ($1, gen_random_uuid(), 'tenant', 'toy', now(), 'toy', $2, $3)`,
      [tenantId, ref.seq, Buffer.from(ref.hash, 'hex')],
    );
    return ref;
  });
}

/** An administrative act that no decision reads: moves the head and leaves the epoch alone. */
export function leaveNote(open: OpenDatabase, tenantId: string): Promise<EntryRef> {
  return new AdministrativeActs(open.tenants, new SystemClock()).run(tenantId, ({ chain }) =>
    chain.append({ actor: 'member:toy', action: 'toy.note', outcome: 'success', details: {} }),
  );
}

/** A database that lets a test look at, or get in the way of, each statement on the committer's connections. */
export function watched(
  open: OpenDatabase,
  before: (name: string) => Promise<void> | void,
): Pick<OpenDatabase, 'tenants'> {
  const tenants = new TenantDatabase(open.pools);
  const connection = tenants.connection.bind(tenants);
  tenants.connection = async (tenantId, lane) => {
    const lent = await connection(tenantId, lane);
    const client = Object.create(lent.client) as typeof lent.client;
    client.query = (async (query: string | { name: string }, values?: unknown[]) => {
      await before(typeof query === 'string' ? query : query.name);
      return lent.client.query(query as string, values);
    }) as never;
    return { client, release: (broken) => lent.release(broken) };
  };
  return { tenants };
}
