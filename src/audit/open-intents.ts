import type { TenantTx } from '../platform/database/tenant-tx.js';

export interface OpenIntent {
  readonly seq: number;
  readonly action: string;
  /** When it must have had its outcome. */
  readonly deadlineMs: number;
  /** The start of the node that wrote it; null where it says none. */
  readonly bootId: string | null;
}

interface Row {
  seq: string;
  at: Date;
  action: string;
  deadline: string | null;
  boot: string | null;
}

/** For an intent that names no deadline, which none of ours does. */
const DEADLINE_DEFAULT_MS = 15 * 60_000;

const COLUMNS = "seq, at, action, details->>'deadline' as deadline, details->>'boot' as boot";
/** An outcome stands behind its intent. `not in` is hashed whatever the planner expects, and it has no statistics to go by. */
const isOpen = (afterSeq: string): string => `outcome = 'intent' and seq not in (
  select (details->>'intent')::bigint from audit_entries
  where tenant_id = $1 and seq > ${afterSeq} and details->>'intent' is not null)`;

/** Intents behind `afterSeq` that have no outcome yet, oldest first. */
export async function findOpenIntents(tx: TenantTx, afterSeq: number, limit: number): Promise<OpenIntent[]> {
  const { rows } = await tx.client.query<Row>(
    `select ${COLUMNS} from audit_entries where tenant_id = $1 and seq > $2 and ${isOpen('$2')} order by seq limit $3`,
    [tx.tenantId, afterSeq, limit],
  );
  return rows.map(openIntent);
}

/** Those of the given intents that are open still. */
export async function findStillOpen(tx: TenantTx, seqs: readonly number[]): Promise<OpenIntent[]> {
  const { rows } = await tx.client.query<Row>(
    `select ${COLUMNS} from audit_entries where tenant_id = $1 and seq = any($2::bigint[]) and ${isOpen('$3')} order by seq`,
    [tx.tenantId, seqs, Math.min(...seqs)],
  );
  return rows.map(openIntent);
}

/** No open intent stands at or before `seq`. Moves forward only, and raises no epoch: no decision reads it. */
export async function moveSwept(tx: TenantTx, seq: number): Promise<void> {
  await tx.client.query('update chain_head set swept_seq = $2 where tenant_id = $1 and swept_seq < $2', [
    tx.tenantId,
    seq,
  ]);
}

function openIntent({ seq, at, action, deadline, boot }: Row): OpenIntent {
  const stated = deadline === null ? Number.NaN : Date.parse(deadline);
  const deadlineMs = Number.isNaN(stated) ? at.getTime() + DEADLINE_DEFAULT_MS : stated;
  return { seq: Number(seq), action, deadlineMs, bootId: boot };
}
