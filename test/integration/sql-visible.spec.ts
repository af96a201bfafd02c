import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Client } from 'pg';
import { POLICY_CHANNEL } from '../../src/platform/database/policy-channel.js';
import { tenantRole } from '../../src/platform/database/roles.js';
import { ProvisionRole } from '../../src/tenancy/provision-role.js';
import { eventually } from '../support/eventually.js';
import { asSuperuser, cloneDatabase, openDatabase, type OpenDatabase, type TestDatabase } from '../support/database.js';
import { asRole, asTenant, newTenant } from '../support/tenants.js';
import { pullBrake } from '../support/toy-policy.js';

jest.setTimeout(60_000);

// What PostgreSQL shows to every login and cannot be made to hide. `docs/isolation.md` says so; more than this is a fault.

/** The first column of the table "What it can learn of others", row by row: each has a test of that name here. */
const VISIBLE = {
  tenants: 'which tenants exist, by id, and how many',
  connections: 'which tenants have connections now, not what they do',
  locks: 'which tables somebody has locked in which mode',
  counts: 'how many rows a table has, of all tenants together, and how they grow',
  load: 'how busy the server is',
  notifications: 'what any session sends with NOTIFY',
  schema: 'the schema, the policies, the names of databases, most settings',
} as const;

const THEIR_MEMBERS = 300;
let database: TestDatabase;
let open: OpenDatabase;
let ours: string;
let theirs: string;
beforeAll(async () => {
  database = await cloneDatabase();
  open = openDatabase(database);
  [ours, theirs] = [await newTenant(database, open), await newTenant(database, open)];
  await asSuperuser(database.adminUrl, async (admin) => {
    await admin.query(
      `insert into chancery.members select t, gen_random_uuid(), i || '@example.com', 'owner', 'hash', 'x', 0, now()
       from (values ($1::uuid, 2), ($2, $3::int)) v (t, n), generate_series(1, n) i`,
      [ours, theirs, THEIR_MEMBERS],
    );
    await admin.query('analyze');
  });
});
afterAll(async () => {
  await open?.close();
  await database?.drop();
});

const only = async (client: Client, sql: string, values: unknown[] = []): Promise<unknown[]> =>
  (await client.query<{ it: unknown }>(sql, values)).rows.map(({ it }) => it);

test('docs/isolation.md lists what is visible, and no more', () => {
  const text = readFileSync(path.resolve(__dirname, '../../docs/isolation.md'), 'utf8');
  const table = /## What it can learn of others\n([^#]*)/.exec(text)?.[1] ?? '';
  const rows = table
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2);
  expect(rows.map((row) => row.split('|')[1]?.trim())).toEqual(Object.values(VISIBLE));
});

test(`visible: ${VISIBLE.tenants}; nothing about them`, async () => {
  await asTenant(database, ours, async (client) => {
    const row = `select to_jsonb(r) - array['oid', 'rolname'] as it from pg_roles r where rolname = $1`;
    expect(await only(client, row, [tenantRole(theirs)])).toEqual(await only(client, row, [tenantRole(ours)]));
    // Names and namespaces are in the directory, which is not theirs to read; of the catalogue they see their own tables.
    const catalogue = await only(
      client,
      `select table_name as it from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema')
       and table_name not in (select tablename from pg_policies)`,
    );
    expect(catalogue).toEqual([]);
  });
});

test(`visible: ${VISIBLE.connections}`, async () => {
  await asTenant(database, theirs, async (victim) => {
    await victim.query("begin; select 'a secret'");
    await asTenant(database, ours, async (client) => {
      const sql = 'select jsonb_strip_nulls(to_jsonb(a)) as it from pg_stat_activity a where usename = $1';
      const seen = (await only(client, sql, [tenantRole(theirs)])) as Record<string, unknown>[];
      expect(seen.length).toBeGreaterThanOrEqual(1);
      for (const one of seen) {
        expect(one).toEqual({
          datid: expect.any(String),
          datname: database.address.database,
          pid: expect.any(Number),
          usesysid: expect.any(String),
          usename: tenantRole(theirs),
          application_name: 'chancery',
          query: '<insufficient privilege>',
        });
      }
    });
  });
});

test(`visible: ${VISIBLE.locks}; no rows`, async () => {
  await asTenant(database, theirs, async (victim) => {
    await victim.query('begin');
    await victim.query('select from members for update');
    const pid = (await only(victim, 'select pg_backend_pid() as it'))[0];
    await asTenant(database, ours, async (client) => {
      const sql =
        'select distinct locktype || coalesce(page::text || tuple::text, $2) as it from pg_locks where pid = $1 order by 1';
      expect(await only(client, sql, [pid, ''])).toEqual(['relation', 'transactionid', 'virtualxid']);
    });
  });
});

test(`visible: ${VISIBLE.counts}`, async () => {
  await asTenant(database, ours, async (client) => {
    const total = THEIR_MEMBERS + 2;
    expect(await only(client, "select reltuples as it from pg_class where oid = 'members'::regclass")).toEqual([total]);
    expect(await only(client, "select pg_relation_size('members') > 0 as it")).toEqual([true]);
    await client.query('set enable_indexscan = off; set enable_bitmapscan = off; set enable_indexonlyscan = off');
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      'explain (analyze, costs off, timing off, summary off, buffers off) select from members',
    );
    expect(rows.map((row) => row['QUERY PLAN'].trim())).toEqual([
      'Seq Scan on members (actual rows=2.00 loops=1)',
      'Filter: (tenant_id = (substr((SESSION_USER)::text, 3))::uuid)',
      `Rows Removed by Filter: ${THEIR_MEMBERS}`,
    ]);
    // It grows with what anybody inserts; what stands in it is one number for everybody.
    const grown = async (): Promise<number> => {
      await client.query('select pg_stat_clear_snapshot()');
      const sql = "select n_tup_ins::int as it from pg_stat_user_tables where relname = 'members'";
      return Number((await only(client, sql))[0]);
    };
    const before = await grown();
    await asSuperuser(database.adminUrl, async (admin) => {
      await admin.query(
        "insert into chancery.members (tenant_id, id, email, role, password_hash, totp_secret, created_at) values ($1, gen_random_uuid(), 'one more', 'owner', 'x', 'x', now())",
        [theirs],
      );
      await admin.query("delete from chancery.members where tenant_id = $1 and email = 'one more'", [theirs]);
      await admin.query('select pg_stat_force_next_flush()');
    });
    expect(await eventually(grown, (count) => count > before)).toBe(before + 1);
    // One number for all of them: a condition on top takes nobody's rows apart.
    for (const condition of ["email = '7@example.com'", `tenant_id = '${theirs}'`, "role = 'owner'"]) {
      const { rows: plan } = await client.query<{ 'QUERY PLAN': string }>(
        `explain analyze select from members where ${condition}`,
      );
      const removed = plan.map((row) => row['QUERY PLAN']).filter((line) => line.includes('Removed'));
      expect([condition, removed.map((line) => Number(line.split(': ')[1]) >= THEIR_MEMBERS)]).toEqual([
        condition,
        removed.map(() => true),
      ]);
    }
  });
});

test(`visible: ${VISIBLE.notifications}: heard by all and sent by anyone, so it may say nothing and prove nothing`, async () => {
  await asTenant(database, ours, async (client) => {
    await client.query('listen anything');
    const heard = once(client, 'notification');
    await asTenant(database, theirs, (victim) => victim.query("notify anything, 'said'"));
    expect(await heard).toMatchObject([{ channel: 'anything', payload: 'said' }]);
  });
});

test(`visible: ${VISIBLE.load}, as sums over everybody`, async () => {
  await asTenant(database, ours, async (client) => {
    const looks = [
      'select sum(xact_commit + xact_rollback) as it from pg_stat_database',
      'select pg_snapshot_xmax(pg_current_snapshot())::text::numeric as it',
      "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as it",
    ];
    const look = async (): Promise<number[]> => {
      await client.query('select pg_stat_clear_snapshot()');
      const all: number[] = [];
      for (const sql of looks) all.push(Number((await only(client, sql))[0]));
      return all;
    };
    const before = await look();
    await asTenant(database, theirs, async (victim) => {
      await victim.query('update agents set updated_at = now()');
      await victim.query('select pg_current_xact_id()');
    });
    const after = await eventually(look, (now) => now.every((number, i) => number > Number(before[i])));
    expect(after.map((number, i) => number > Number(before[i]))).toEqual([true, true, true]);
    // Nothing of it is kept by login or by tenant.
    expect(
      await only(
        client,
        'select count(*)::int as it from pg_stat_activity where usename = $1 and (backend_xmin is not null or backend_start is not null)',
        [tenantRole(theirs)],
      ),
    ).toEqual([0]);
  });
});

test('visible: that another tenant’s policy changed, by the notification that nodes wait for', async () => {
  await asTenant(database, ours, async (client) => {
    await client.query(`listen ${POLICY_CHANNEL}`);
    const heard = once(client, 'notification');
    await pullBrake(open, theirs);
    expect(await heard).toMatchObject([{ channel: POLICY_CHANNEL, payload: theirs.replaceAll('-', '') }]);
  });
});

test(`visible: ${VISIBLE.schema}: the same for everybody`, async () => {
  const catalogue = [
    "select jsonb_agg(to_jsonb(c) order by table_name, ordinal_position) as it from information_schema.columns c where table_schema = 'chancery'",
    'select jsonb_agg(to_jsonb(p) order by tablename, policyname) as it from pg_policies p',
    'select jsonb_agg(datname order by datname) as it from pg_database where datname = current_database() or datistemplate',
    'select jsonb_agg(name order by name) as it from pg_settings',
  ];
  const seen = (of: string) =>
    asTenant(database, of, async (client) => {
      const all: unknown[] = [];
      for (const sql of catalogue) all.push(...(await only(client, sql)));
      return all;
    });
  const [mine, yours] = [await seen(ours), await seen(theirs)];
  expect(mine).toEqual(yours);
  const text = JSON.stringify(mine);
  expect(text).toContain('SESSION_USER');
  for (const secret of [ours, theirs, 'example.com']) expect(text).not.toContain(secret);
  // Where files are and how people log in is withheld.
  await asTenant(database, ours, async (client) => {
    const hidden = ['data_directory', 'hba_file', 'ident_file', 'config_file'];
    expect(await only(client, 'select name as it from pg_settings where name = any ($1)', [hidden])).toEqual([]);
  });
});

test('possible: a tenant’s SQL shuts its own tenant out, not another, and provisioning heals it', async () => {
  await asTenant(database, ours, async (client) => {
    await client.query('alter role current_user set default_transaction_read_only = on');
    await client.query('alter role current_user set search_path = pg_catalog');
    await client.query('alter role current_user set synchronous_commit = off');
  });
  // What a role sets for itself does not reach the application's connections where that would matter.
  await asTenant(database, ours, async (client) => {
    const settings = ['default_transaction_read_only', 'search_path', 'synchronous_commit'];
    const sql =
      'select array_agg(current_setting(name) order by n) as it from unnest($1::text[]) with ordinality s (name, n)';
    expect(await only(client, sql, [settings])).toEqual([['off', 'chancery', 'on']]);
    await client.query("alter role current_user password 'known'");
  });
  await expect(asTenant(database, ours, () => Promise.resolve())).rejects.toMatchObject({ code: '28P01' });
  await asTenant(database, theirs, (victim) => victim.query('select from members'));
  const known = { address: database.address, password: () => 'known' };
  await asRole(known, tenantRole(ours), async (thief) => {
    expect(await only(thief, 'select distinct tenant_id as it from members')).toEqual([ours]);
  });
  await new ProvisionRole(open.services, database.secret).execute(ours);
  expect(await asTenant(database, ours, (client) => only(client, 'select count(*)::int as it from members'))).toEqual([
    2,
  ]);
});
