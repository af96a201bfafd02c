import { Client } from 'pg';
import { alone } from '../support/cluster.js';
import { ROLE_RULES } from '../support/catalogue-role-rules.js';
import { faultsOf, TABLE_RULES } from '../support/catalogue-rules.js';
import { cloneDatabase, type TestDatabase } from '../support/database.js';

const RULES: Readonly<Record<string, string>> = { ...TABLE_RULES, ...ROLE_RULES };

let database: TestDatabase;
let admin: Client;
beforeAll(async () => {
  database = await cloneDatabase();
  admin = new Client({ connectionString: database.adminUrl });
  await admin.connect();
});
afterAll(async () => {
  await admin?.end();
  await database?.drop();
});

test('P5: the catalogue breaks no rule of the tenancy design', async () => {
  expect(await faultsOf(admin, RULES)).toEqual([]);
});

/** A table that breaks nothing, so that each line below breaks one thing. */
const SCRATCH = `
  set local role chancery_owner;
  create table chancery.scratch (tenant_id uuid not null, id uuid not null, name text, primary key (tenant_id, id));
  alter table chancery.scratch alter tenant_id set statistics 0, alter id set statistics 0, alter name set statistics 0;
  alter table chancery.scratch enable row level security;
  alter table chancery.scratch force row level security;
  create policy scratch_own_tenant on chancery.scratch
    using (tenant_id = substr(session_user::text, 3)::uuid) with check (tenant_id = substr(session_user::text, 3)::uuid);
  reset role;`;
const NOTHING_MORE = 'select';
const policy = (rest: string) =>
  `drop policy scratch_own_tenant on chancery.scratch; create policy p on chancery.scratch ${rest}`;
const OWN = 'tenant_id = substr(session_user::text, 3)::uuid';
const TENANT = `t_${'a'.repeat(32)}`;

const BREAKS: readonly (readonly [rule: keyof typeof TABLE_RULES | keyof typeof ROLE_RULES, sql: string])[] = [
  ['every table has a tenant, or is known to have none', 'alter table chancery.scratch rename tenant_id to owner_id'],
  ['every table has a tenant, or is known to have none', 'create table chancery.loose (id uuid primary key)'],
  ['every table has a tenant, or is known to have none', 'create table chancery.loose (tenant_id text not null)'],
  [
    'every tenant table enables and forces row-level security',
    'alter table chancery.scratch no force row level security',
  ],
  [
    'every tenant table enables and forces row-level security',
    'alter table chancery.agents disable row level security',
  ],
  ['every tenant table has exactly the policy of who logged in', 'drop policy scratch_own_tenant on chancery.scratch'],
  [
    'every tenant table has exactly the policy of who logged in',
    policy(`to chancery_tenant using (${OWN}) with check (${OWN})`),
  ],
  ['every tenant table has exactly the policy of who logged in', policy(`using (${OWN})`)],
  ['every tenant table has exactly the policy of who logged in', policy(`using (${OWN}) with check (true)`)],
  [
    'every tenant table has exactly the policy of who logged in',
    policy(`using (${OWN.replace('session_user', 'current_user')}) with check (${OWN})`),
  ],
  [
    'every tenant table has exactly the policy of who logged in',
    'create policy p on chancery.agents to chancery_tenant using (true)',
  ],
  [
    'every tenant table has exactly the policy of who logged in',
    'create policy p on chancery.agents for select to chancery_scheduler using (true)',
  ],
  ['every unique index leads with the tenant', 'create unique index on chancery.scratch (name)'],
  ['every unique index leads with the tenant', 'create unique index on chancery.scratch (lower(name), tenant_id)'],
  ['every unique index leads with the tenant', 'alter table chancery.scratch add unique (id, tenant_id)'],
  ['every unique index leads with the tenant', 'alter table chancery.scratch drop constraint scratch_pkey'],
  [
    'every foreign key leads with the tenant on both sides',
    'alter table chancery.scratch add foreign key (id, tenant_id) references chancery.agents (id, tenant_id)',
  ],
  [
    'every foreign key leads with the tenant on both sides',
    'alter table chancery.scratch add foreign key (id) references chancery.tenants (id)',
  ],
  [
    'every foreign key leads with the tenant on both sides',
    'alter table chancery.scratch add foreign key (tenant_id) references chancery.tenants (id)',
  ],
  ['the owner that cannot log in owns everything', 'alter table chancery.scratch owner to chancery_migrator'],
  [
    'audit entries are inserted and read, and nothing else, by everybody',
    'grant update on chancery.audit_entries to chancery_tenant',
  ],
  [
    'audit entries are inserted and read, and nothing else, by everybody',
    'grant update (details) on chancery.audit_entries to chancery_tenant',
  ],
  [
    'audit entries are inserted and read, and nothing else, by everybody',
    'grant delete on chancery.audit_entries to chancery_owner',
  ],
  [
    'audit entries are inserted and read, and nothing else, by everybody',
    'grant truncate on chancery.audit_entries to public',
  ],
  [
    'tenants read and write rows through their group, and neither change nor lock a table',
    'grant select on chancery.agents to public',
  ],
  [
    'tenants read and write rows through their group, and neither change nor lock a table',
    'grant truncate on chancery.scratch to chancery_tenant',
  ],
  // Each of these rights is one to LOCK the table in ACCESS EXCLUSIVE mode.
  [
    'tenants read and write rows through their group, and neither change nor lock a table',
    'grant update on chancery.scratch to chancery_tenant',
  ],
  [
    'tenants read and write rows through their group, and neither change nor lock a table',
    'grant delete on chancery.scratch to chancery_tenant',
  ],
  [
    'tenants read and write rows through their group, and neither change nor lock a table',
    'grant select on chancery.tenants to chancery_tenant',
  ],
  [
    'tenants read and write rows through their group, and neither change nor lock a table',
    'grant select (name) on chancery.agents to chancery_directory',
  ],
  [
    'tenants read and write rows through their group, and neither change nor lock a table',
    'grant select on chancery.agents to chancery_scheduler',
  ],
  [
    'views ask as who reads them, and nothing is materialised',
    'create view chancery.v as select * from chancery.scratch',
  ],
  [
    'views ask as who reads them, and nothing is materialised',
    'create view chancery.v with (security_invoker = false) as select * from chancery.scratch',
  ],
  [
    'views ask as who reads them, and nothing is materialised',
    'create materialized view chancery.v as select * from chancery.scratch',
  ],
  ['every table a decision reads raises the epoch', 'drop trigger raise_epoch on chancery.brakes'],
  ['every table a decision reads raises the epoch', 'alter table chancery.grants disable trigger raise_epoch'],
  [
    'every table a decision reads raises the epoch',
    `drop trigger raise_epoch on chancery.agents;
     create trigger raise_epoch after insert or update of name or delete on chancery.agents for each statement execute function chancery.raise_epoch()`,
  ],
  [
    'every table a decision reads raises the epoch',
    `drop trigger raise_epoch on chancery.agents;
     create trigger raise_epoch after insert or update on chancery.agents for each statement execute function chancery.raise_epoch()`,
  ],
  ['every table a decision reads raises the epoch', NOTHING_MORE], // nobody said whether a decision reads the scratch table
  [
    'functions run as who calls them or only delete, and not for everybody',
    'create function chancery.f() returns int language sql return 1',
  ],
  [
    'functions run as who calls them or only delete, and not for everybody',
    'alter function chancery.raise_epoch() security definer',
  ],
  [
    'functions run as who calls them or only delete, and not for everybody',
    'alter function chancery.delete_grants(uuid, uuid) reset search_path',
  ],
  [
    'functions run as who calls them or only delete, and not for everybody',
    `create function chancery.delete_all() returns void language sql security definer set search_path = '' as 'delete from chancery.grants';
     revoke execute on function chancery.delete_all from public`,
  ],
  ['the planner keeps no statistics of any column', 'alter table chancery.scratch add note text'],
  ['the planner keeps no statistics of any column', 'alter table chancery.members alter email set statistics 10'],
  ['the planner keeps no statistics of any column', 'create index on chancery.scratch (tenant_id, (lower(name)))'],
  [
    'the planner keeps no statistics of any column',
    'create statistics chancery.s on tenant_id, name from chancery.scratch',
  ],
  ['no login of ours bypasses anything', 'alter role chancery_scheduler bypassrls'],
  ['no login of ours bypasses anything', `create role ${TENANT} createrole in role chancery_tenant`],
  ['no login of ours bypasses anything', 'alter role chancery_migrator superuser'],
  ['owner and tenant group cannot log in', 'alter role chancery_owner login'],
  [
    'a tenant is a member of the tenant group and of nothing else, and its connections are counted',
    `create role ${TENANT}`,
  ],
  [
    'a tenant is a member of the tenant group and of nothing else, and its connections are counted',
    `create role ${TENANT} in role chancery_tenant, pg_read_all_data`,
  ],
  [
    'a tenant is a member of the tenant group and of nothing else, and its connections are counted',
    `create role ${TENANT} admin chancery_scheduler; grant chancery_tenant to ${TENANT} with admin option`,
  ],
  [
    'a tenant is a member of the tenant group and of nothing else, and its connections are counted',
    `create role ${TENANT} connection limit 1 in role chancery_tenant`,
  ],
  [
    'a tenant is a member of the tenant group and of nothing else, and its connections are counted',
    `create role ${TENANT}; grant chancery_tenant to ${TENANT} with set false`,
  ],
  ['nobody else reads what the tenant group or the owner may', 'grant chancery_tenant to chancery_scheduler'],
  ['nobody else reads what the tenant group or the owner may', 'grant chancery_owner to chancery_directory'],
  [
    'nobody else reads what the tenant group or the owner may',
    'grant chancery_owner to chancery_migrator with admin option',
  ],
  ['nobody else reads what the tenant group or the owner may', 'grant pg_monitor to chancery_queue'],
  [
    'the database is open to our own roles, without temporary tables',
    'grant temporary on database %DATABASE% to chancery_tenant',
  ],
  ['the database is open to our own roles, without temporary tables', 'grant connect on database %DATABASE% to public'],
  ['schemas are closed', 'grant create on schema chancery to chancery_tenant'],
  ['schemas are closed', 'grant usage on schema public to public'],
  ['schemas are closed', 'grant usage on schema bullmq to chancery_tenant'],
  ['schemas are closed', 'alter default privileges for role chancery_owner grant select on tables to public'],
  [
    'advisory locks are the queue’s alone, and large objects nobody’s',
    'grant execute on function pg_advisory_lock(bigint) to public',
  ],
  [
    'advisory locks are the queue’s alone, and large objects nobody’s',
    'grant execute on function pg_advisory_lock(bigint) to chancery_queue',
  ],
  [
    'advisory locks are the queue’s alone, and large objects nobody’s',
    'grant execute on function lo_from_bytea(oid, bytea) to chancery_tenant',
  ],
];

/** Nothing is kept: what a line does to the database, or to the cluster's roles, is rolled back. */
function faultsAfter(sql: string): Promise<string[]> {
  return alone(() => faultsWithin(sql));
}

async function faultsWithin(sql: string): Promise<string[]> {
  await admin.query('begin');
  try {
    await admin.query(SCRATCH);
    await admin.query(sql.replaceAll('%DATABASE%', `"${database.address.database}"`));
    return await faultsOf(admin, RULES);
  } finally {
    await admin.query('rollback');
  }
}

test.each(BREAKS)('P5: the rule "%s" notices: %s', async (rule, sql) => {
  const before = sql === NOTHING_MORE ? [] : await faultsAfter(NOTHING_MORE);
  const found = (await faultsAfter(sql)).filter((fault) => !before.includes(fault));
  expect(found.filter((fault) => fault.startsWith(`${rule}:`))).not.toEqual([]);
});

test('P5: each rule was seen to fail', () => {
  expect(new Set(BREAKS.map(([rule]) => rule as string))).toEqual(new Set(Object.keys(RULES)));
});
