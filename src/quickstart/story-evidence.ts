import { Client as PostgresClient } from 'pg';
import { storedId } from '../platform/ids.js';
import type { Door } from './doors.js';
import type { Narrator } from './narrator.js';

export interface EvidenceTools {
  readonly tenant: Door;
  readonly tenantId: string;
  readonly databaseUrl: string;
  /** Signs a checkpoint now instead of within the minute. */
  signCheckpoint(): Promise<void>;
}

const LOOKS_MAX = 50;
const LOOK_EVERY_MS = 50;

interface Verification {
  verdict: string;
  entries: number;
  first_bad_seq: number | null;
}

/** The audit chain against somebody with the database's superuser: what is altered or cut is named, then put back. */
export async function tellEvidence(narrator: Narrator, tools: EvidenceTools): Promise<void> {
  await lastOutcome(tools.tenant);
  await tools.signCheckpoint();
  const verify = () => tools.tenant.get<Verification>('/v1/audit/verification');
  const verdict = async (): Promise<string> => {
    const { verdict: word, first_bad_seq: seq } = await verify();
    return seq === null ? word : `${word}, entry ${seq}`;
  };
  await narrator.step('audit verify', 'ok', async () => `${await verdict()}, ${(await verify()).entries} entries`);

  const tenantId = storedId('ten', tools.tenantId) as string;
  const database = new PostgresClient({ connectionString: tools.databaseUrl });
  await database.connect();
  const run = (sql: string, more: unknown[] = []) => database.query(sql, [tenantId, ...more]);
  try {
    const denial = await run(
      "select seq from chancery.audit_entries where tenant_id = $1 and outcome = 'denied' limit 1",
    );
    const seq = Number((denial.rows[0] as { seq: string }).seq);
    await narrator.step('An audit row is altered with SQL', `tampered, entry ${seq}`, async () => {
      const set = 'update chancery.audit_entries set outcome = $2 where tenant_id = $1 and seq = $3';
      await run(set, ['success', seq]);
      try {
        return await verdict();
      } finally {
        await run(set, ['denied', seq]);
      }
    });

    await narrator.step('The last audit row is cut off', 'checkpoint, entry ', async () => {
      // Whoever looked left an entry about what was found, and more may come at any time: the checkpoint is to cover the last one.
      const cut = await alone(database, tenantId, async () => {
        await tools.signCheckpoint();
        return cutLast(database, tenantId);
      });
      try {
        return await verdict();
      } finally {
        await alone(database, tenantId, () => putBack(database, tenantId, cut));
      }
    });
  } finally {
    await database.end();
  }
  await narrator.step('Both put back: audit verify', 'ok', verdict);
}

/** Outcomes are written without being waited for: the checkpoint below is to cover the last one. */
async function lastOutcome(tenant: Door): Promise<void> {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const { data } = await tenant.get<{ data: { outcome: string }[] }>('/v1/audit/entries?order=desc&limit=1');
    if (data[0]?.outcome !== 'intent') return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** In one transaction in which nobody else appends to the chain. */
async function alone<T>(database: PostgresClient, tenantId: string, act: () => Promise<T>): Promise<T> {
  await database.query('begin');
  try {
    await database.query('select from chancery.chain_head where tenant_id = $1 for update', [tenantId]);
    const done = await act();
    await database.query('commit');
    return done;
  } catch (error) {
    await database.query('rollback');
    throw error;
  }
}

interface CutRow {
  readonly seq: string;
  readonly row: unknown;
  readonly hash: Buffer;
}

/** What a thorough forger does: the last entry goes, and the head is set back to the one before. */
async function cutLast(database: PostgresClient, tenantId: string): Promise<CutRow> {
  const { rows } = await database.query<CutRow>(
    `delete from chancery.audit_entries e using chancery.chain_head h
     where e.tenant_id = $1 and h.tenant_id = $1 and e.seq = h.seq returning e.seq, to_jsonb(e) as row, e.hash`,
    [tenantId],
  );
  const cut = rows[0] as CutRow;
  await database.query(
    `update chancery.chain_head h set seq = e.seq, hash = e.hash from chancery.audit_entries e
     where h.tenant_id = $1 and e.tenant_id = $1 and e.seq = $2::bigint - 1`,
    [tenantId, cut.seq],
  );
  return cut;
}

/** What was reported of the cut stands in the place of the row, and goes with it. */
async function putBack(database: PostgresClient, tenantId: string, cut: CutRow): Promise<void> {
  await database.query('delete from chancery.audit_entries where tenant_id = $1 and seq >= $2', [tenantId, cut.seq]);
  await database.query(
    'insert into chancery.audit_entries select * from jsonb_populate_record(null::chancery.audit_entries, $1)',
    [JSON.stringify(cut.row)],
  );
  await database.query('update chancery.chain_head set seq = $2, hash = $3 where tenant_id = $1', [
    tenantId,
    cut.seq,
    cut.hash,
  ]);
}
