import type { ClientBase } from 'pg';
import { PLATFORM_TENANT_ID } from '../platform/ids.js';
import { LEASE_MS } from './node-lease.js';

/** What a renewal tells a node, all of it read in one snapshot. */
export interface PlatformReading {
  /** Where the platform chain ended. */
  readonly platformSeq: number;
  /** The global brake that is on, or null. */
  readonly brakeId: string | null;
  /** Where the last global brake was pulled, and where the vault was last sealed; 0 for never. */
  readonly brakeSeq: number;
  readonly sealSeq: number;
  /** When the server was started that answered: another moment may mean another server, or other data. */
  readonly serverStartedAt: string;
}

interface ReadingRow {
  renewed: number;
  seq: string;
  brake_id: string | null;
  brake_seq: string;
  seal_seq: string;
  started_at: string;
}

/** A row without a living node behind it is forgotten after this long: longer than any statement may take. */
const FORGOTTEN_AFTER = "interval '1 minute'";
const LEASE = `interval '${LEASE_MS} milliseconds'`;
/** Leaves time for another try within the lease. */
const RENEW_TIMEOUT_MS = 1_500;

/** Makes this node known; again, when nobody heard that it worked. It holds no lease yet: the first renewal, which reads after this has committed, brings it. */
export async function registerNode(client: ClientBase, bootId: string): Promise<void> {
  await client.query(`select delete_leases(now() - ${FORGOTTEN_AFTER})`);
  await client.query(
    `insert into node_leases (tenant_id, boot_id, lease_until, acknowledged_seq) values ($1, $2, now(), 0)
     on conflict do nothing`,
    [PLATFORM_TENANT_ID, bootId],
  );
}

/** Null when this node is not known (any more): then it has no lease and must register again. */
export async function renewLease(
  client: ClientBase,
  bootId: string,
  acknowledgedSeq: number,
): Promise<PlatformReading | null> {
  const { rows } = await client.query<ReadingRow>({
    name: 'renew-lease',
    query_timeout: RENEW_TIMEOUT_MS,
    text: `with lease as (
        update node_leases set lease_until = now() + ${LEASE}, acknowledged_seq = greatest(acknowledged_seq, $3::bigint)
        where tenant_id = $1::uuid and boot_id = $2::uuid returning 1)
      select (select count(*) from lease)::int as renewed, seq,
        (select id from brakes where tenant_id = $1 and scope = 'global' and cleared_at is null) as brake_id,
        (select coalesce(max(activated_seq), 0) from brakes where tenant_id = $1 and scope = 'global') as brake_seq,
        (select coalesce(max(seq), 0) from audit_entries where tenant_id = $1 and action = 'vault.seal') as seal_seq,
        extract(epoch from pg_catalog.pg_postmaster_start_time())::text as started_at
      from chain_head where tenant_id = $1`,
    values: [PLATFORM_TENANT_ID, bootId, acknowledgedSeq],
  } as { name: string; text: string; values: unknown[] });
  const row = rows[0];
  if (row === undefined || row.renewed !== 1) return null;
  return {
    platformSeq: Number(row.seq),
    brakeId: row.brake_id,
    brakeSeq: Number(row.brake_seq),
    sealSeq: Number(row.seal_seq),
    serverStartedAt: row.started_at,
  };
}

/** This node is over, and nobody has to wait for it. */
export async function forgetNode(client: ClientBase, bootId: string): Promise<void> {
  await client.query("update node_leases set lease_until = 'epoch' where tenant_id = $1 and boot_id = $2", [
    PLATFORM_TENANT_ID,
    bootId,
  ]);
}

/** The nodes whose leases run. */
export async function findLiveBootIds(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ boot_id: string }>(
    'select boot_id from node_leases where tenant_id = $1 and lease_until >= now()',
    [PLATFORM_TENANT_ID],
  );
  return rows.map(({ boot_id }) => boot_id);
}

/** How many known nodes have not said that they obeyed the platform chain up to `seq`. */
export async function countNodesBehind(client: ClientBase, seq: number): Promise<number> {
  const { rows } = await client.query<{ behind: number }>(
    `select count(*)::int as behind from node_leases
     where tenant_id = $1 and acknowledged_seq < $2 and lease_until >= now() - ${FORGOTTEN_AFTER}`,
    [PLATFORM_TENANT_ID, seq],
  );
  return rows[0]?.behind ?? 0;
}
