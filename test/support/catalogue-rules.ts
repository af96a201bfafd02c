import type { Client } from 'pg';

/** Tables that belong to no tenant. A new one is named here, or it obeys every rule below. */
const NO_TENANT = ['tenants', 'migrations'];
/** Tables a decision reads: each write to them raises the epoch (design 4.5). */
const DECIDES = ['agents', 'agent_sessions', 'approvals', 'brakes', 'credential_versions', 'credentials', 'grants'];
/** Tenant tables no decision reads. A new one is named here or above. */
const DOES_NOT_DECIDE = [
  'agent_behaviour',
  'audit_entries',
  'behaviour_cursors',
  'chain_head',
  'dpop_jtis',
  'idempotency_keys',
  'member_sessions',
  'members',
  'node_leases',
  'outbox',
  'service_keys',
  'signing_keys',
  'webhook_deliveries',
  'webhooks',
];
/** Policies beside each table's own, and for whom. */
const FURTHER_POLICIES = {
  behaviour_cursors_scheduler: 'chancery_scheduler SELECT',
  chain_head_scheduler: 'chancery_scheduler SELECT',
  outbox_scheduler_reads: 'chancery_scheduler SELECT',
  outbox_scheduler_relays: 'chancery_scheduler UPDATE',
};

const OWN_TENANT = '(tenant_id = (substr((SESSION_USER)::text, 3))::uuid)';
const list = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');

const TENANT_TABLES = `select c.*, c.oid as id from pg_class c
  where c.relnamespace = 'chancery'::regnamespace and c.relkind in ('r', 'p', 'f') and c.relname not in (${list(NO_TENANT)})`;

/** What hangs off a table: who may do what, whole or by column. */
const RIGHTS = `select c.relname, c.relkind, a.grantee, a.privilege_type, pg_get_userbyid(a.grantee) as who, c.relowner, true as whole
    from pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a where c.relnamespace = 'chancery'::regnamespace
  union all
  select c.relname, c.relkind, a.grantee, a.privilege_type, pg_get_userbyid(a.grantee), c.relowner, false
    from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a where c.relnamespace = 'chancery'::regnamespace`;

/** Each query of a rule gives one row with a `fault` for everything that breaks it. */
export const TABLE_RULES = {
  'every table has a tenant, or is known to have none': `
    select relname || ' has no tenant_id uuid not null' as fault from (${TENANT_TABLES}) t where not exists (
      select from pg_attribute a where a.attrelid = t.id and a.attname = 'tenant_id' and a.atttypid = 'uuid'::regtype and a.attnotnull)`,
  'every tenant table enables and forces row-level security': `
    select relname || ' does not' as fault from (${TENANT_TABLES}) t where not (relrowsecurity and relforcerowsecurity)`,
  'every tenant table has exactly the policy of who logged in': `
    select relname || ': ' || coalesce(p.policyname, 'no policy') as fault from (${TENANT_TABLES}) t
    left join pg_policies p on p.schemaname = 'chancery' and p.tablename = t.relname
    where p.policyname is null or (
      p.permissive = 'PERMISSIVE' and p.roles = '{public}' and p.cmd = 'ALL'
        and p.qual = '${OWN_TENANT}' and p.with_check = '${OWN_TENANT}'
      or p.permissive = 'PERMISSIVE'
        and p.roles[1] || ' ' || p.cmd = ('${JSON.stringify(FURTHER_POLICIES)}'::jsonb)->>p.policyname and cardinality(p.roles) = 1) is not true
    union all
    select relname || ' has not one policy of its own' from (${TENANT_TABLES}) t
    where 1 <> (select count(*) from pg_policies p where p.tablename = t.relname and p.schemaname = 'chancery' and p.roles = '{public}')`,
  'every unique index leads with the tenant': `
    select i.indexrelid::regclass::text as fault from (${TENANT_TABLES}) t join pg_index i on i.indrelid = t.id
    left join pg_attribute a on a.attrelid = t.id and a.attnum = i.indkey[0]
    where (i.indisunique or i.indisexclusion) and a.attname is distinct from 'tenant_id'
    union all
    select relname || ' has no primary key' from (${TENANT_TABLES}) t where not exists (
      select from pg_index i where i.indrelid = t.id and i.indisprimary)`,
  'every foreign key leads with the tenant on both sides': `
    select t.relname || '.' || k.conname as fault from (${TENANT_TABLES}) t join pg_constraint k on k.conrelid = t.id and k.contype = 'f'
    left join pg_attribute here on here.attrelid = k.conrelid and here.attnum = k.conkey[1]
    left join pg_attribute there on there.attrelid = k.confrelid and there.attnum = k.confkey[1]
    where here.attname <> 'tenant_id' or there.attname <> 'tenant_id' or cardinality(k.conkey) < 2`,
  'the owner that cannot log in owns everything': `
    select relname || ' belongs to ' || pg_get_userbyid(relowner) as fault from pg_class
    where relnamespace = 'chancery'::regnamespace and relowner <> 'chancery_owner'::regrole`,
  'audit entries are inserted and read, and nothing else, by everybody': `
    select who || ' may ' || privilege_type as fault from (${RIGHTS}) r
    where relname = 'audit_entries' and privilege_type not in ('INSERT', 'SELECT')`,
  'tenants read and write rows through their group, and neither change nor lock a table': `
    select who || ': ' || privilege_type || ' on ' || relname as fault from (${RIGHTS}) r where grantee <> relowner and not (
      relkind = 'r' and who = 'chancery_tenant' and relname not in (${list(NO_TENANT)})
        and (privilege_type in ('SELECT', 'INSERT') or privilege_type = 'UPDATE' and not whole)
      or relname = 'tenants' and who = 'chancery_directory' and privilege_type in ('SELECT', 'INSERT')
      or relname in ('chain_head', 'behaviour_cursors') and who = 'chancery_scheduler' and privilege_type = 'SELECT'
      or relname = 'outbox' and who = 'chancery_scheduler' and privilege_type in ('SELECT', 'UPDATE') and not whole
      or relkind = 'v' and privilege_type = 'SELECT')`,
  'views ask as who reads them, and nothing is materialised': `
    select relname as fault from pg_class where relnamespace = 'chancery'::regnamespace
    and (relkind = 'm' or relkind = 'v' and not coalesce('security_invoker=true' = any (reloptions), false))`,
  'every table a decision reads raises the epoch': `
    select name || ' has no such trigger' as fault from unnest(array[${list(DECIDES)}]) name where not exists (
      select from pg_trigger g where g.tgrelid = ('chancery.' || name)::regclass and g.tgname = 'raise_epoch'
      and g.tgfoid = 'chancery.raise_epoch()'::regprocedure and g.tgenabled = 'O' and g.tgqual is null and g.tgattr = ''
      -- AFTER, FOR EACH STATEMENT, on DELETE and UPDATE; on INSERT too, but for a new session, which changes no decision.
      and g.tgtype & 67 = 0 and g.tgtype & 24 = 24 and (g.tgtype & 4 = 4 or name = 'agent_sessions'))
    union all
    select relname || ': does a decision read it?' from (${TENANT_TABLES}) t where relname not in (${list([...DECIDES, ...DOES_NOT_DECIDE])})`,
  'functions run as who calls them or only delete, and not for everybody': `
    select p.oid::regprocedure::text as fault from pg_proc p where pronamespace = 'chancery'::regnamespace and (
      p.prosecdef and (p.proname like 'delete\\_%' and p.prosqlbody is not null and p.proconfig = '{"search_path=\\"\\""}'
        and p.proowner = 'chancery_owner'::regrole) is not true
      or exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0))`,
  'the planner keeps no statistics of any column': `
    select t.relname || '.' || a.attname as fault from (${TENANT_TABLES}) t join pg_attribute a on a.attrelid = t.id
      where a.attnum > 0 and not a.attisdropped and coalesce(a.attstattarget, -1) <> 0
    union all
    select i.indexrelid::regclass || '.' || a.attnum from (${TENANT_TABLES}) t join pg_index i on i.indrelid = t.id
      join pg_attribute a on a.attrelid = i.indexrelid and i.indkey[a.attnum - 1] = 0 where coalesce(a.attstattarget, -1) <> 0
    union all
    select e.stxname from pg_statistic_ext e where e.stxnamespace = 'chancery'::regnamespace`,
} as const;

export async function faultsOf(client: Client, rules: Readonly<Record<string, string>>): Promise<string[]> {
  const found: string[] = [];
  for (const [rule, sql] of Object.entries(rules)) {
    const { rows } = await client.query<{ fault: string }>(sql);
    found.push(...rows.map(({ fault }) => `${rule}: ${fault}`));
  }
  return found;
}
