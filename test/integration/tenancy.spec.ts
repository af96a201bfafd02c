import type { Client } from 'pg';
import { tenantRole } from '../../src/platform/database/roles.js';
import { newUuid } from '../../src/platform/ids.js';
import { ProvisionRole } from '../../src/tenancy/provision-role.js';
import { sqlState } from '../../src/platform/database/database.errors.js';
import { asSuperuser, cloneDatabase, openDatabase, type OpenDatabase, type TestDatabase } from '../support/database.js';
import { fillTenantTables, tenantTables } from '../support/fill-tables.js';
import { asTenant, newTenant } from '../support/tenants.js';

jest.setTimeout(60_000);

let database: TestDatabase;
let open: OpenDatabase;
let ours: string;
let theirs: string;
let tables: string[];
beforeAll(async () => {
  database = await cloneDatabase();
  open = openDatabase(database);
  [ours, theirs] = [await newTenant(database, open), await newTenant(database, open)];
  await asSuperuser(database.adminUrl, async (admin) => {
    tables = await tenantTables(admin);
    await fillTenantTables(admin, theirs);
    await fillTenantTables(admin, ours);
  });
});
afterAll(async () => {
  await open?.close();
  await database?.drop();
});

const INSUFFICIENT_PRIVILEGE = '42501';
const visible = async (client: Client, table: string): Promise<string[]> => {
  const { rows } = await client.query<{ tenant_id: string }>(`select distinct tenant_id from ${table}`);
  return rows.map((row) => row.tenant_id);
};
/** The SQLSTATE a statement fails with, or null. */
const fate = (client: Client, sql: string, values: unknown[] = []): Promise<string | null> =>
  client.query(sql, values).then(
    () => null,
    (error: unknown) => sqlState(error) ?? 'unknown',
  );

test('P5: a tenant’s login is a member of its group from its first moment', async () => {
  const tenant = newUuid();
  // What cuts the connection after one round trip leaves everything or nothing.
  const provisioner = {
    query: jest.fn(async (sql: string) => {
      if (provisioner.query.mock.calls.length > 1) throw new Error('the connection was cut');
      return open.services.provisioner.query(sql);
    }),
  };
  const cut = new ProvisionRole({ provisioner } as never, database.secret);
  await cut.execute(tenant).catch(() => undefined);
  const memberships = await asSuperuser(database.adminUrl, (admin) =>
    admin.query(`select pg_has_role(oid, 'chancery_tenant', 'usage') as member from pg_roles where rolname = $1`, [
      tenantRole(tenant),
    ]),
  );
  expect(memberships.rows).toEqual([{ member: true }]);
});

test('P5: a tenant’s login sees its own rows in every table, and no other’s', async () => {
  expect(tables.length).toBeGreaterThan(10);
  await asTenant(database, ours, async (client) => {
    for (const table of tables) {
      expect([table, await visible(client, table)]).toEqual([table, [ours]]);
      const asked = await client.query(`select from ${table} where tenant_id = $1`, [theirs]);
      expect([table, asked.rowCount]).toEqual([table, 0]);
    }
  });
});

test('P5: a tenant’s login changes and deletes no row of another in any table', async () => {
  await asTenant(database, ours, async (client) => {
    for (const table of tables) {
      for (const sql of [
        `update ${table} set tenant_id = tenant_id where tenant_id = $1`,
        `delete from ${table} where tenant_id = $1`,
      ]) {
        await client.query('begin');
        const result = await client.query(sql, [theirs]).then(({ rowCount }) => rowCount, sqlState);
        await client.query('rollback');
        expect([table, sql, result === 0 || result === INSUFFICIENT_PRIVILEGE]).toEqual([table, sql, true]);
      }
    }
  });
});

test('P5: a tenant’s login writes no row under another tenant’s id', async () => {
  await asTenant(database, ours, async (client) => {
    for (const table of tables) {
      const copied = `insert into ${table} select (jsonb_populate_record(t, jsonb_build_object('tenant_id', $1::text))).* from ${table} t limit 1`;
      expect([table, await fate(client, copied, [theirs])]).toEqual([table, INSUFFICIENT_PRIVILEGE]);
      const moved = await fate(client, `update ${table} set tenant_id = $1`, [theirs]);
      expect([table, moved]).toEqual([table, INSUFFICIENT_PRIVILEGE]);
    }
  });
});

const ESCAPES = (other: string): string[] => [
  `set role ${other}`,
  `set session authorization ${other}`,
  `select set_config('role', '${other}', true)`,
  `with escape as (select set_config('session_authorization', '${other}', false)) select * from escape, members`,
  `do $$ begin execute 'set local role ${other}'; end $$`,
  'set role chancery_owner',
  'set role chancery_tenant',
  'set role postgres',
  `alter role ${other} password 'known'`,
  `grant ${other} to current_user`,
  'grant chancery_owner to current_user',
  'create role t_escape',
  'select * from pg_authid',
  'select * from tenants',
  'select * from migrations',
  'truncate audit_entries',
  'delete from audit_entries',
  "update audit_entries set outcome = 'success'",
  'alter table members disable row level security',
  'drop policy members_own_tenant on members',
  'create policy mine on members to public using (true)',
  'drop trigger raise_epoch on agents',
  'create table loot (x text)',
  'create table public.loot (x text)',
  'create temporary table loot (x text)',
  'create schema loot',
  'create function chancery.f() returns int language sql return 1',
  'create view chancery.v as select * from members',
  'select pg_advisory_lock(1)',
  'select lo_create(0)',
  'select * from pg_read_file($$/etc/passwd$$)',
  "copy members to program 'cat'",
  "copy members to '/tmp/members'",
  'set session_replication_role = replica',
  'set row_security = off; select * from members',
];

test('P5: nothing a tenant’s login can say makes it somebody else or opens a door', async () => {
  const other = tenantRole(theirs);
  for (const sql of ESCAPES(other)) {
    await asTenant(database, ours, async (client) => {
      expect([sql, await fate(client, sql)]).toEqual([sql, INSUFFICIENT_PRIVILEGE]);
      expect([sql, await visible(client, 'members').catch(() => [ours])]).toEqual([sql, [ours]]);
    });
  }
});

test('P5: what a tenant’s login is allowed to say of roles changes nothing it sees', async () => {
  const allowed = [
    'reset role',
    'reset session authorization',
    'discard all',
    'set search_path = chancery, pg_catalog',
  ];
  await asTenant(database, ours, async (client) => {
    for (const sql of allowed) {
      expect([sql, await fate(client, sql)]).toEqual([sql, null]);
      expect([sql, await visible(client, 'chancery.members')]).toEqual([sql, [ours]]);
    }
    await client.query("select set_config('chancery.tenant_id', $1, false)", [theirs]);
    expect(await visible(client, 'chancery.members')).toEqual([ours]);
  });
});

test('P5: COPY neither reads nor writes past the policy', async () => {
  await asTenant(database, ours, async (client) => {
    const copied: string[] = [];
    const connection = (client as unknown as { connection: NodeJS.EventEmitter }).connection;
    connection.on('copyData', (message: { chunk: Buffer }) => copied.push(message.chunk.toString()));
    await client.query('copy members to stdout');
    expect(copied).toHaveLength(1);
    expect(copied[0]).toContain(ours);
    expect(await fate(client, 'copy members from stdin')).not.toBeNull();
  });
});

test('P5: errors and statistics tell nothing of another tenant’s rows', async () => {
  await asTenant(database, ours, async (client) => {
    // A condition that fails on their row, were it ever evaluated there.
    const probe = 'select from members where 1 / (case when tenant_id = $1 then 0 else 1 end) = 1';
    expect(await fate(client, probe, [theirs])).toBeNull();
    const { rows: statistics } = await client.query("select from pg_stats where schemaname = 'chancery'");
    expect(statistics).toEqual([]);
    await asTenant(database, theirs, async (victim) => {
      await victim.query("select 'a secret in a statement'");
      const { rows } = await client.query<{ query: string; pid: number }>(
        'select query, pid from pg_stat_activity where usename = $1',
        [tenantRole(theirs)],
      );
      expect(rows.map((row) => row.query)).toEqual(rows.map(() => '<insufficient privilege>'));
      expect(await fate(client, 'select pg_terminate_backend($1)', [rows[0]?.pid])).toBe(INSUFFICIENT_PRIVILEGE);
    });
  });
});

test('P19: another tenant’s id and a random one break a foreign key in the same words', async () => {
  const grant = (agent: string) =>
    `insert into grants values ('${ours}', '${agent}', '${agent}', 'active', now(), 'somebody')`;
  const { rows } = await asSuperuser(database.adminUrl, (admin) =>
    admin.query<{ id: string }>('select id from chancery.agents where tenant_id = $1', [theirs]),
  );
  const known = rows[0]?.id ?? '';
  await asTenant(database, ours, async (client) => {
    const said = async (agent: string): Promise<string> => {
      const error = (await client.query(grant(agent)).catch((thrown: unknown) => thrown)) as Error & { detail: string };
      return `${error.message}\n${error.detail}`.replaceAll(agent, 'ID');
    };
    expect(await said(known)).toBe(await said('0190ffff-ffff-7fff-bfff-ffffffffffff'));
    expect(await said(known)).toMatch(/foreign key/);
    const row = `insert into agents select (jsonb_populate_record(t, jsonb_build_object('id', $1::text, 'name', 'x', 'api_key_id', $1::text))).* from agents t limit 1`;
    expect(await fate(client, row, [known])).toBeNull(); // their id is free for us: no unique index tells
  });
});
