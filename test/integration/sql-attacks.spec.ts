import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Client } from 'pg';
import { sqlState } from '../../src/platform/database/database.errors.js';
import { tenantRole } from '../../src/platform/database/roles.js';
import { dumpSchema } from '../../src/platform/database/schema-dump.js';
import { asSuperuser, cloneDatabase, openDatabase, type OpenDatabase, type TestDatabase } from '../support/database.js';
import { fillTenantTables, tenantTables } from '../support/fill-tables.js';
import { type Attack, ATTACKS } from '../support/sql-attacks.js';
import { asTenant, newTenant } from '../support/tenants.js';

jest.setTimeout(300_000);

let database: TestDatabase;
let open: OpenDatabase;
let ours: string;
let theirs: string;
let tables: string[];
let before: Record<string, string>;
beforeAll(async () => {
  database = await cloneDatabase();
  open = openDatabase(database);
  [ours, theirs] = [await newTenant(database, open), await newTenant(database, open)];
  await asSuperuser(database.adminUrl, async (admin) => {
    tables = await tenantTables(admin);
    await fillTenantTables(admin, ours);
    await fillTenantTables(admin, theirs);
    await admin.query(
      `insert into chancery.members select $1, gen_random_uuid(), 'victim' || i || '@example.com', 'owner', 'hash of victim' || i,
         sha256(i::text::bytea), 0, now() from generate_series(1, 300) i`,
      [theirs],
    );
    await admin.query('analyze');
  });
  before = await everythingOfTheirs();
});
afterAll(async () => {
  await open?.close();
  await database?.drop();
});

/** What an attack may not change: every row of the other tenant, and the schema. */
function everythingOfTheirs(): Promise<Record<string, string>> {
  return asSuperuser(database.adminUrl, async (admin) => {
    const found: Record<string, string> = { schema: await dumpSchema(admin) };
    for (const table of tables) {
      const { rows } = await admin.query<{ all: string }>(
        `select md5(string_agg(t::text, ',' order by t::text)) as all from chancery.${table} t where tenant_id = $1`,
        [theirs],
      );
      found[table] = rows[0]?.all ?? '';
    }
    return found;
  });
}

const filledIn = (sql: string): string =>
  sql
    .replaceAll(':other', tenantRole(theirs))
    .replaceAll(':self', tenantRole(ours))
    .replaceAll(':theirs', theirs)
    .replaceAll(':database', `"${database.address.database}"`);

/** The answer to a statement, or the SQLSTATE of its refusal. */
async function said(client: Client, sql: string): Promise<{ refused: string | null; answer: string }> {
  try {
    const results = [await client.query(sql)].flat();
    return { refused: null, answer: JSON.stringify(results.map(({ rows }) => rows as unknown)) };
  } catch (error) {
    // Roles belong to the whole cluster, and other tests make and drop theirs meanwhile.
    if ((error as Error).message.startsWith('tuple concurrently')) return said(client, sql);
    return { refused: sqlState(error) ?? 'unknown', answer: (error as Error).message };
  }
}

async function expectNothingOfTheirs(client: Client, sql: string): Promise<void> {
  // An attack may have left an open transaction or a role behind.
  await client.query('rollback');
  for (const table of tables) {
    const { rows } = await client.query<{ tenant_id: string }>(`select distinct tenant_id from chancery.${table}`);
    expect([sql, table, rows.map((row) => row.tenant_id)]).toEqual([sql, table, [ours]]);
  }
}

test.each(Object.keys(ATTACKS))('P5: to %s, nothing helps', async (aim) => {
  // The other is there, on a connection that could be ended.
  await asTenant(database, theirs, async () => {
    for (const { sql, refused } of ATTACKS[aim] as readonly Attack[]) {
      await asTenant(database, ours, async (client) => {
        const result = await said(client, filledIn(sql));
        expect([sql, result.refused, result.answer]).toEqual([sql, refused, expect.not.stringMatching(/victim/)]);
        await expectNothingOfTheirs(client, sql);
      });
    }
  });
  expect(await everythingOfTheirs()).toEqual(before);
});

test('P5: a tenant that had all of it tried on another still works', async () => {
  await asTenant(database, theirs, async (client) => {
    expect((await client.query('select from members')).rowCount).toBe(301);
    expect(
      (await client.query("update members set totp_last_step = 0 where email = 'victim1@example.com'")).rowCount,
    ).toBe(1);
  });
});

test('P5: no setting shows more', async () => {
  const settings = await asTenant(database, ours, (client) =>
    client.query<{ name: string; vartype: string; min_val: string; max_val: string; enumvals: string[] | null }>(
      "select name, vartype, min_val, max_val, enumvals from pg_settings where context in ('user', 'superuser') order by 1",
    ),
  );
  expect(settings.rowCount).toBeGreaterThan(150);
  for (const { name, vartype, min_val: least, max_val: most, enumvals } of settings.rows) {
    const texts = [tenantRole(theirs), 'chancery_owner', 'public', 'off'];
    const values = enumvals ?? (vartype === 'bool' ? ['on', 'off'] : vartype === 'string' ? texts : [least, most]);
    for (const value of values) {
      await asTenant(database, ours, async (client) => {
        await client.query('select set_config($1, $2, false)', [name, value]).catch(() => undefined);
        const seen = await client.query<{ tenant_id: string }>('select tenant_id from chancery.members').then(
          ({ rows }) => rows.map((row) => row.tenant_id),
          () => [ours],
        );
        expect([name, value, seen]).toEqual([name, value, [ours]]);
      });
    }
  }
});

test('P5: a cheap function that raises on what it sees never sees their rows', async () => {
  await asTenant(database, ours, async (client) => {
    for (const condition of [
      "1 / (case when email like 'victim%' then 0 else 1 end) = 1",
      "cast(email || '' as int) = 1 and tenant_id <> substr(session_user::text, 3)::uuid",
      "jsonb_path_match(to_jsonb(email), 'exists($)') and tenant_id = $1::uuid and cast(email as int) = 1",
    ]) {
      const sql = `select email from members where ${condition.replace('$1', `'${theirs}'`)}`;
      expect((await said(client, sql)).answer).not.toMatch(/victim/);
    }
    await client.query("set client_min_messages = 'debug5'");
    const notices: string[] = [];
    client.on('notice', ({ message }) => notices.push(String(message)));
    await client.query(
      "do $$ declare r record; begin for r in select * from members loop raise notice '%', r; end loop; end $$",
    );
    expect(notices.join()).not.toMatch(/victim/);
  });
});

test('P5: on every table the policy is asked once a statement, not once a row', async () => {
  await asTenant(database, ours, async (client) => {
    // Small tables are read whole, whatever they are asked; these stand for large ones.
    await client.query('set enable_seqscan = off; set enable_bitmapscan = off');
    const asked = async (sql: string): Promise<string[]> => {
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain (costs off) ${sql}`);
      return rows.map((row) => row['QUERY PLAN'].trim()).filter((line) => line.includes('SESSION_USER'));
    };
    const login = '(substr((SESSION_USER)::text, 3))::uuid';
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      await client.query(`set plan_cache_mode = ${mode}`);
      for (const table of tables) {
        await client.query(`prepare named (uuid) as select from ${table} where tenant_id = $1`);
        const named = await asked(`execute named ('${ours}')`);
        await client.query('deallocate named');
        const given = mode === 'force_custom_plan' ? `'${ours}'::uuid` : '$1';
        expect([table, named]).toEqual([table, [`One-Time Filter: (${login} = ${given})`]]);
        expect([table, await asked(`select from ${table}`)]).toEqual([table, [`Index Cond: (tenant_id = ${login})`]]);
      }
    }
  });
});

test('P5: EXPLAIN estimates their rows and nobody’s alike', async () => {
  const nobody = '0190ffff-ffff-7fff-bfff-ffffffffffff';
  await asTenant(database, ours, async (client) => {
    const planned = async (condition: string): Promise<string> =>
      (await said(client, `explain select from members where ${condition}`)).answer;
    expect((await planned(`tenant_id = '${theirs}'`)).replaceAll(theirs, nobody)).toBe(
      await planned(`tenant_id = '${nobody}'`),
    );
    const known = [
      "email < 'victim2'",
      "email = 'victim7@example.com'",
      "password_hash > 'hash of victim5'",
      "totp_secret < '\\x80'",
    ];
    const unknown = [
      "email < 'nobody!'",
      "email = 'nobody77@example.com'",
      "password_hash > 'hash of nobody!'",
      "totp_secret < '\\x00'",
    ];
    for (const [i, condition] of known.entries()) {
      const constants = /'[^']*'::|\\\\+x[0-9a-f]+/g;
      const plan = (await planned(`tenant_id = '${theirs}' and ${condition}`)).replace(constants, '');
      expect(plan).toBe((await planned(`tenant_id = '${theirs}' and ${unknown[i]}`)).replace(constants, ''));
    }
  });
});

test('P20: a tenant may lock the rows that are its own, and no table', async () => {
  const strong = ['share update exclusive', 'share', 'share row exclusive', 'exclusive', 'access exclusive'];
  await asTenant(database, ours, async (client) => {
    for (const table of tables) {
      for (const mode of strong) {
        const { refused } = await said(client, `begin; lock table ${table} in ${mode} mode`);
        await client.query('rollback');
        expect([table, mode, refused]).toEqual([table, mode, '42501']);
      }
    }
    await client.query('begin');
    for (const table of tables) {
      await client.query(`lock table ${table} in row exclusive mode`);
      await client.query('savepoint tried');
      const { refused } = await said(client, `select from ${table} for update`);
      if (refused !== null) await client.query('rollback to tried');
    }
    // Everything a tenant can hold is held. Another one works, as do its locks.
    await asTenant(database, theirs, async (victim) => {
      await victim.query("set lock_timeout = '1s'");
      await victim.query('begin');
      await victim.query('select from chain_head for update');
      await victim.query('update agents set updated_at = now()');
      await victim.query('select delete_grants(null, credential_id) from grants');
      await victim.query('rollback');
    });
    await client.query('rollback');
  });
});

test('P20: a tenant’s statements that never end hold some connections, not all', async () => {
  const { rows } = await asSuperuser(database.adminUrl, (admin) =>
    admin.query<{ limit: number }>('select rolconnlimit as limit from pg_roles where rolname = $1', [tenantRole(ours)]),
  );
  expect(rows).toEqual([{ limit: 40 }]);
  await asTenant(database, ours, async (client) => {
    expect((await client.query('show temp_file_limit')).rows).toEqual([{ temp_file_limit: '1GB' }]);
  });
});

test('docs/isolation.md lists the attacks, and what came of them', () => {
  const text = readFileSync(path.resolve(__dirname, '../../docs/isolation.md'), 'utf8');
  const listed = text
    .split(/^### To /m)
    .slice(1)
    .map((section) => {
      const lines = section.split('\n').map((line) => /^- (?:refused \((\w{5})\)|in vain): `(.+)`$/.exec(line));
      const attacks = lines.flatMap((line) => (line === null ? [] : [{ sql: line[2], refused: line[1] ?? null }]));
      return [section.split('\n')[0], attacks];
    });
  expect(Object.fromEntries(listed)).toEqual(ATTACKS);
});
