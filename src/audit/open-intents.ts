import type { TenantTx } from '../platform/database/tenant-tx.js';

export interface OpenIntent {
  readonly seq: number;
  readonly action: string;
  readonly deadlineMs: number;
}

const INTENTS_MAX = 1_000;

/** Intents behind the swept position that have no outcome, oldest first, and where the chain ends. */
export async function openIntents(tx: TenantTx): Promise<{ headSeq: number; intents: OpenIntent[] }> {
  const head = await tx.client.query<{ seq: string; swept_seq: string }>(
    'select seq, swept_seq from chain_head where tenant_id = $1',
    [tx.tenantId],
  );
  const { seq: headSeq = '0', swept_seq: sweptSeq = '0' } = head.rows[0] ?? {};
  const { rows } = await tx.client.query<{ seq: string; action: string; deadline: string | null }>(
    `select i.seq, i.action, i.details->>'deadline' as deadline from audit_entries i
     where i.tenant_id = $1 and i.seq > $2 and i.outcome = 'intent'
       and not exists (select 1 from audit_entries o where o.tenant_id = $1 and o.details ? 'intent'
                       and (o.details->>'intent')::bigint = i.seq)
     order by i.seq limit $3`,
    [tx.tenantId, sweptSeq, INTENTS_MAX],
  );
  const intents = rows.map(({ seq, action, deadline }) => ({
    seq: Number(seq),
    action,
    deadlineMs: deadline === null ? 0 : Date.parse(deadline),
  }));
  return { headSeq: Number(headSeq), intents };
}

/** No open intent stands at or before this position any more. */
export async function setSwept(tx: TenantTx, seq: number): Promise<void> {
  await tx.client.query('update chain_head set swept_seq = $2 where tenant_id = $1 and swept_seq < $2', [
    tx.tenantId,
    seq,
  ]);
}
