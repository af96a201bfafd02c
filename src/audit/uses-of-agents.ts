import type { TenantTx } from '../platform/database/tenant-tx.js';

/** Entries of one kind by one actor that are worth reading: a window holds no more. */
const EACH_MAX = 100;

/** What an entry says of a use, an agent's tier or an anomaly. */
export interface SeenEntry {
  readonly seq: number;
  readonly atMs: number;
  readonly actor: string;
  readonly action: string;
  readonly outcome: string;
  readonly code: string | null;
  readonly status: number | null;
  readonly durationMs: number | null;
  /** The intent that an outcome stands behind. */
  readonly intent: number | null;
  /** The agent an entry is about, in its public form, where it is not the actor. */
  readonly agent: string | null;
}

/** How often somebody called in one minute. */
export interface CallsInMinute {
  readonly actor: string;
  /** Minutes since 1970. */
  readonly minute: number;
  readonly calls: number;
}

export interface Range {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

const USE = 'credential.use';
const READ = [USE, `${USE}.outcome`, 'credential.redacted', 'agent.promote', 'agent.demote', 'agent.demoted'];
/** A use is a call when it was allowed, or denied for something that is the agent's own doing. */
const IS_CALL = `action = '${USE}' and (outcome = 'intent' or outcome = 'denied' and details->>'code' <> all($4::text[]))`;

/**
 * The newest of each actor's entries of each action in a range of the chain, oldest first: uses and their outcomes,
 * redactions, changes of tier. Denials with an uncounted code are left out. An exact range, which the key serves.
 */
export async function readSeenEntries(
  tx: TenantTx,
  { firstSeq, lastSeq }: Range,
  uncountedCodes: readonly string[],
): Promise<SeenEntry[]> {
  const { rows } = await tx.client.query<Record<string, string | null> & { at: Date }>(
    `select seq, at, actor, action, outcome, code, status, duration_ms, intent, agent from (
       select seq, at, actor, action, outcome, details->>'code' as code, details->>'status' as status,
         details->>'duration_ms' as duration_ms, details->>'intent' as intent, details->>'agent' as agent,
         row_number() over (partition by actor, action order by seq desc) as nth
       from audit_entries where tenant_id = $1 and seq between $2 and $3
         and action = any($5::text[]) and (action <> '${USE}' or ${IS_CALL})) newest
     where nth <= ${EACH_MAX} order by seq`,
    [tx.tenantId, firstSeq, lastSeq, uncountedCodes, READ],
  );
  return rows.map((row) => ({
    seq: Number(row.seq),
    atMs: row.at.getTime(),
    actor: String(row.actor),
    action: String(row.action),
    outcome: String(row.outcome),
    code: row.code ?? null,
    status: numberOrNull(row.status),
    durationMs: numberOrNull(row.duration_ms),
    intent: numberOrNull(row.intent),
    agent: row.agent ?? null,
  }));
}

/** How often each actor called in each minute of a range. Counted by the server: a busy range has thousands of rows. */
export async function countCalls(
  tx: TenantTx,
  { firstSeq, lastSeq }: Range,
  uncountedCodes: readonly string[],
): Promise<CallsInMinute[]> {
  const { rows } = await tx.client.query<{ actor: string; minute: string; calls: string }>(
    `select actor, floor(extract(epoch from at) / 60)::bigint as minute, count(*) as calls from audit_entries
     where tenant_id = $1 and seq between $2 and $3 and ${IS_CALL} group by 1, 2 order by 2`,
    [tx.tenantId, firstSeq, lastSeq, uncountedCodes],
  );
  return rows.map(({ actor, minute, calls }) => ({ actor, minute: Number(minute), calls: Number(calls) }));
}

export interface SeenAnomaly {
  readonly agent: string;
  readonly kind: string;
  readonly atMs: number;
  readonly seq: number;
  readonly observed: string;
  readonly bound: string;
}

/** The anomalies of some agents (public ids) since a time, newest first. */
export async function readAnomalies(tx: TenantTx, agents: readonly string[], since: Date): Promise<SeenAnomaly[]> {
  if (agents.length === 0) return [];
  const { rows } = await tx.client.query<Omit<SeenAnomaly, 'atMs' | 'seq'> & { at: Date; seq: string }>(
    `select seq, at, details->>'agent' as agent, details->>'kind' as kind, details->>'observed' as observed,
       details->>'bound' as bound
     from audit_entries where tenant_id = $1 and action = 'agent.anomaly' and details->>'agent' = any($2::text[])
       and at > $3 order by seq desc`,
    [tx.tenantId, agents, since],
  );
  return rows.map(({ at, seq, ...row }) => ({ ...row, seq: Number(seq), atMs: at.getTime() }));
}

/** Where the chain ends. */
export async function readLastSeq(tx: TenantTx): Promise<number> {
  const { rows } = await tx.client.query<{ seq: string }>('select seq from chain_head where tenant_id = $1', [
    tx.tenantId,
  ]);
  return Number(rows[0]?.seq ?? 0);
}

function numberOrNull(text: string | Date | null | undefined): number | null {
  if (typeof text !== 'string') return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
