import type { ClientBase } from 'pg';
import type { AuditEntry } from '@chancery/protocol/audit-entry.js';
import { publicId } from '../platform/ids.js';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { enqueue, type OutboxJob } from '../platform/queue/outbox.js';
import type { EntryRef } from '../tenancy/acts.js';
import type { FinishedEntry } from './chain.js';
import { eventJobs } from './notable.js';
import type { UseEvent } from './use-window.js';

export interface ChainHead extends EntryRef {
  readonly epoch: number;
}

export interface StoredEntry {
  readonly entry: AuditEntry;
  readonly hash: string;
}

interface HeadRow {
  seq: string;
  hash: Buffer;
  epoch: string;
}

interface EntryRow {
  seq: string;
  at: Date;
  actor: string;
  action: string;
  outcome: string;
  details: AuditEntry['details'];
  salt: Buffer;
  prev: Buffer;
  hash: Buffer;
}

/** A swap that takes longer is in doubt: its connection is given up. */
const SWAP_TIMEOUT_MS = 5_000;
const ENTRY_COLUMNS = 'seq, at, actor, action, outcome, details, salt, prev, hash';
const INSERT_COLUMNS = `tenant_id, ${ENTRY_COLUMNS}`;
/**
 * Rows from nine texts, each a column with a value a line: an array would have each of its values quoted here and unquoted
 * there. No value holds a line break; JSON escapes it, and the words are our own.
 */
export const rowsFrom = (first: number): string => {
  const lines = (index: number, type = 'text'): string => `string_to_array($${first + index}, E'\\n')::${type}[]`;
  return `select $1::uuid, seq, at, actor, action, outcome, details, decode(salt, 'hex'), decode(prev, 'hex'), decode(hash, 'hex')
    from unnest(${lines(0, 'bigint')}, ${lines(1, 'timestamptz')}, ${lines(2)}, ${lines(3)}, ${lines(4)},
      ${lines(5, 'jsonb')}, ${lines(6)}, ${lines(7)}, ${lines(8)})
      as row (seq, at, actor, action, outcome, details, salt, prev, hash)`;
};

/** What of a batch is notable, in the same statement: a use is told of when it is durable, or not at all. */
const EVENTS_CTE = `, told as (
  insert into outbox (tenant_id, id, queue, payload, due_at)
  select $1::uuid, job.*, now() from unnest($16::uuid[], $17::text[], $18::jsonb[]) as job, cas where cas.watched)`;

/** Creates the head of a new tenant's chain. */
export async function insertHead(tx: TenantTx, genesis: EntryRef): Promise<void> {
  await tx.client.query('insert into chain_head (tenant_id, seq, hash, epoch) values ($1, $2, $3, 0)', [
    tx.tenantId,
    genesis.seq,
    Buffer.from(genesis.hash, 'hex'),
  ]);
}

export async function readHead(tx: TenantTx, lock = false): Promise<ChainHead> {
  const { rows } = await tx.client.query<HeadRow>({
    name: lock ? 'audit-head-lock' : 'audit-head',
    text: `select seq, hash, epoch from chain_head where tenant_id = $1${lock ? ' for update' : ''}`,
    values: [tx.tenantId],
  });
  const row = rows[0];
  if (row === undefined) throw new Error('the tenant has no chain');
  return { seq: Number(row.seq), hash: row.hash.toString('hex'), epoch: Number(row.epoch) };
}

/** Moves the head and inserts, under the head's lock. What is notable goes into the outbox with it, if anybody watches. */
export async function appendLocked(tx: TenantTx, entries: readonly FinishedEntry[]): Promise<void> {
  const last = entries.at(-1);
  if (last === undefined) return;
  const { rows } = await tx.client.query<{ watched: boolean }>(
    'update chain_head set seq = $2, hash = $3 where tenant_id = $1 returning watched',
    [tx.tenantId, last.seq, Buffer.from(last.hash, 'hex')],
  );
  await tx.client.query({
    name: 'audit-append',
    text: `insert into audit_entries (${INSERT_COLUMNS}) ${rowsFrom(2)}`,
    values: [tx.tenantId, ...columnsOf(entries)],
  });
  if (rows[0]?.watched === true) await enqueue(tx, eventJobs(entries));
}

/** What was last found wrong with the chain. */
export async function lastFinding(tx: TenantTx): Promise<AuditEntry['details'] | undefined> {
  const { rows } = await tx.client.query<{ details: AuditEntry['details'] }>(
    `select details from audit_entries where tenant_id = $1 and action = 'audit.verification_failed'
     order by seq desc limit 1`,
    [tx.tenantId],
  );
  return rows[0]?.details;
}

export async function setWatched(tx: TenantTx, watched: boolean): Promise<void> {
  await tx.client.query('update chain_head set watched = $2 where tenant_id = $1 and watched <> $2', [
    tx.tenantId,
    watched,
  ]);
}

/**
 * One statement: the head moves only if it is still where the decisions were taken, and only then the entries go in.
 * Returns false when somebody moved the head first; then nothing was written.
 */
export async function compareAndAppend(
  client: ClientBase,
  tenantId: string,
  head: ChainHead,
  entries: readonly FinishedEntry[],
): Promise<boolean> {
  const last = entries.at(-1);
  if (last === undefined) throw new Error('an append needs an entry');
  const events = eventJobs(entries);
  const swap = {
    name: events.length === 0 ? 'audit-cas' : 'audit-cas-events',
    query_timeout: SWAP_TIMEOUT_MS,
    text: `with cas as (
             update chain_head set seq = $2::bigint, hash = $3::bytea
             where tenant_id = $1::uuid and seq = $4::bigint and hash = $5::bytea and epoch = $6::bigint returning watched)
           ${events.length === 0 ? '' : EVENTS_CTE}
           insert into audit_entries (${INSERT_COLUMNS})
           ${rowsFrom(7)} where exists (select 1 from cas)`,
    values: [
      tenantId,
      last.seq,
      Buffer.from(last.hash, 'hex'),
      head.seq,
      Buffer.from(head.hash, 'hex'),
      head.epoch,
      ...columnsOf(entries),
      ...(events.length === 0 ? [] : jobColumns(events)),
    ],
  };
  const { rowCount } = await client.query(swap);
  return rowCount === entries.length;
}

function jobColumns(jobs: readonly OutboxJob[]): unknown[] {
  return [jobs.map(({ id }) => id), jobs.map(({ queue }) => queue), jobs.map(({ payload }) => JSON.stringify(payload))];
}

/** What {@link rowsFrom} takes. */
export function columnsOf(entries: readonly FinishedEntry[]): string[] {
  const lines = (value: (one: FinishedEntry) => string | number): string => entries.map(value).join('\n');
  return [
    lines(({ seq }) => seq),
    lines(({ entry }) => entry.at),
    lines(({ entry }) => entry.actor),
    lines(({ entry }) => entry.action),
    lines(({ entry }) => entry.outcome),
    lines(({ entry }) => JSON.stringify(entry.details)),
    lines(({ entry }) => entry.salt),
    lines(({ entry }) => entry.prev),
    lines(({ hash }) => hash),
  ];
}

/** The hash stored at a position, or null: how the fate of an unknown commit is found out. */
export async function hashAt(tx: TenantTx, seq: number): Promise<string | null> {
  const { rows } = await tx.client.query<{ hash: Buffer }>(
    'select hash from audit_entries where tenant_id = $1 and seq = $2',
    [tx.tenantId, seq],
  );
  return rows[0]?.hash.toString('hex') ?? null;
}

export interface RecentEntries {
  readonly jtis: readonly string[];
  readonly uses: readonly UseEvent[];
  /** The approvals that uses among them spent. */
  readonly spent: readonly string[];
  /** Time of the first entry; null when there was none. */
  readonly oldestMs: number | null;
}

interface RecentRow {
  jtis: string | null;
  began: string | null;
  ended: string | null;
  spent: string | null;
  oldest: Date | null;
}

/** A use that began, as one word for each member; none of them holds a blank. */
const BEGAN = `concat_ws(' ', seq, (extract(epoch from at) * 1000)::bigint, actor, details->>'credential',
  details->>'deadline')`;

/**
 * What decisions remember of the entries from one position to another, gathered by the server: a row for each would
 * cost threefold. An exact range and no LIMIT, because a planner that never saw the table sorts all of it for each page.
 */
export async function readRecentEntries(tx: TenantTx, firstSeq: number, lastSeq: number): Promise<RecentEntries> {
  const { rows } = await tx.client.query<RecentRow>(
    `select string_agg(details->>'jti', ',') as jtis, min(at) as oldest,
       string_agg(${BEGAN}, ',' order by seq) filter (where ${IS_BEGUN_USE}) as began,
       string_agg(details->>'intent', ',') filter (where details ? 'intent' and action like '%.outcome') as ended,
       string_agg(details->>'approval', ',') filter (where outcome = 'intent') as spent
     from audit_entries where tenant_id = $1 and seq between $2 and $3`,
    [tx.tenantId, firstSeq, lastSeq],
  );
  const { jtis = null, began = null, ended = null, spent = null, oldest = null } = rows[0] ?? {};
  const uses = [...words(began).map(begunUse), ...words(ended).map(endedUse)];
  return { jtis: words(jtis), uses, spent: words(spent), oldestMs: oldest?.getTime() ?? null };
}

/** Which of some approvals a use has spent, and the position of its intent. By an index of their own. */
export async function readSpent(tx: TenantTx, keys: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await tx.client.query<{ key: string; seq: string }>(
    `select details->>'approval' as key, seq from audit_entries where tenant_id = $1
     and outcome = 'intent' and details ? 'approval' and details->>'approval' = any($2::text[])`,
    [tx.tenantId, keys],
  );
  return new Map(rows.map(({ key, seq }) => [key, Number(seq)]));
}

/** Uses that no outcome has ended yet, however long ago they began. */
export async function readUsesUnderWay(tx: TenantTx, lastSeq: number): Promise<readonly UseEvent[]> {
  const { rows } = await tx.client.query<{ began: string | null }>(
    `select string_agg(${BEGAN}, ',' order by seq) as began from audit_entries
     where tenant_id = $1 and seq <= $2 and ${IS_BEGUN_USE}
       and seq > (select swept_seq from chain_head where tenant_id = $1)
       and seq not in (select (details->>'intent')::bigint from audit_entries
         where tenant_id = $1 and details ? 'intent' and action like '%.outcome'
           and seq > (select swept_seq from chain_head where tenant_id = $1))`,
    [tx.tenantId, lastSeq],
  );
  return words(rows[0]?.began ?? null).map(begunUse);
}

const IS_BEGUN_USE = `outcome = 'intent' and details ?& array['credential', 'deadline']`;

const words = (list: string | null): string[] => list?.split(',') ?? [];

function begunUse(text: string): UseEvent {
  const [seq = '', atMs = '', actor = '', credential = '', deadline = ''] = text.split(' ');
  return { kind: 'began', seq: Number(seq), atMs: Number(atMs), actor, credential, deadlineMs: Date.parse(deadline) };
}

const endedUse = (intent: string): UseEvent => ({ kind: 'ended', intent: Number(intent) });

export interface EntryPage {
  readonly afterSeq?: number;
  readonly beforeSeq?: number;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
}

export async function readEntries(tx: TenantTx, page: EntryPage): Promise<StoredEntry[]> {
  const { rows } = await tx.client.query<EntryRow>(
    `select ${ENTRY_COLUMNS} from audit_entries
     where tenant_id = $1 and seq > $2 and seq < $3 order by seq ${page.order === 'asc' ? 'asc' : 'desc'} limit $4`,
    [tx.tenantId, page.afterSeq ?? 0, page.beforeSeq ?? Number.MAX_SAFE_INTEGER, page.limit],
  );
  return rows.map((row) => storedEntry(tx.tenantId, row));
}

/** The entries from one position to another; what is missing there is missing here. */
export async function readEntriesBetween(tx: TenantTx, firstSeq: number, lastSeq: number): Promise<StoredEntry[]> {
  const { rows } = await tx.client.query<EntryRow>({
    name: 'audit-range',
    text: `select ${ENTRY_COLUMNS} from audit_entries where tenant_id = $1 and seq between $2 and $3 order by seq`,
    values: [tx.tenantId, firstSeq, lastSeq],
  });
  return rows.map((row) => storedEntry(tx.tenantId, row));
}

function storedEntry(tenantId: string, row: EntryRow): StoredEntry {
  return {
    entry: {
      v: 1,
      tenant: publicId('ten', tenantId),
      seq: Number(row.seq),
      at: row.at.toISOString(),
      actor: row.actor,
      action: row.action,
      outcome: row.outcome,
      details: row.details,
      salt: row.salt.toString('hex'),
      prev: row.prev.toString('hex'),
    },
    hash: row.hash.toString('hex'),
  };
}
