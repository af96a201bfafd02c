import type { ClientBase } from 'pg';

const GRANTEE = `case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee) end`;
const OURS = `n.nspname in ('chancery')`;

/** Each gives rows of `heading` and `line`; a section prints its headings in order, each with its lines below. */
const SECTIONS: readonly string[] = [
  `select 'role ' || rolname as heading, concat_ws(' ',
      case when rolcanlogin then 'login' else 'nologin' end, case when rolsuper then 'SUPERUSER' end,
      case when rolbypassrls then 'BYPASSRLS' end, case when rolcreaterole then 'createrole' end,
      case when rolcreatedb then 'CREATEDB' end, case when rolreplication then 'REPLICATION' end,
      case when not rolinherit then 'noinherit' end) as line
    from pg_roles where rolname like 'chancery\\_%'
  union all
  select 'role ' || pg_get_userbyid(member), format('member of %s (admin %s, inherit %s, set %s)',
      pg_get_userbyid(roleid), admin_option, inherit_option, set_option)
    from pg_auth_members where pg_get_userbyid(member) like 'chancery\\_%' and pg_get_userbyid(roleid) not like 't\\_%'`,

  `select 'database' as heading, 'grant ' || string_agg(a.privilege_type, ', ' order by a.privilege_type) || ' to ' || ${GRANTEE} as line
    from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
    where d.datname = current_database() and a.grantee <> d.datdba group by a.grantee
  union all
  select 'schema ' || n.nspname, 'owner ' || pg_get_userbyid(n.nspowner) from pg_namespace n where n.nspname in ('chancery', 'bullmq')
  union all
  select 'schema ' || n.nspname, 'grant ' || string_agg(a.privilege_type, ', ' order by a.privilege_type) || ' to ' || ${GRANTEE}
    from pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
    where n.nspname in ('chancery', 'bullmq', 'public') and a.grantee <> n.nspowner group by n.nspname, a.grantee
  union all
  select 'withdrawn from everybody', p.oid::regprocedure::text || coalesce(' (but for ' || (
      select string_agg(${GRANTEE}, ', ') from aclexplode(p.proacl) a where a.grantee <> p.proowner) || ')', '')
    from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace
    and p.proname ~ '^(pg_(try_)?advisory_|lo_|loread$|lowrite$)'
    and not exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0)`,

  `with rel as (
    select c.*, c.oid as id, case c.relkind when 'r' then 'table ' when 'v' then 'view ' when 'm' then 'materialized view '
      when 'S' then 'sequence ' else c.relkind::text || ' ' end || c.relname as heading
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${OURS} and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f'))
  select heading, line from (
    select heading, 0 as rank, 0 as position, 'owner ' || pg_get_userbyid(relowner)
        || case when relforcerowsecurity then ', row security forced' when relrowsecurity then ', row security' else '' end
        || case when relkind = 'r' and not exists (select from pg_attribute a where a.attrelid = id and a.attnum > 0
          and not a.attisdropped and coalesce(a.attstattarget, -1) <> 0) then ', no statistics of columns' else '' end
        || coalesce(', ' || array_to_string(reloptions, ', '), '') as line from rel
    union all
    select heading, 1, t.attnum, format('column %s %s', t.attname, format_type(t.atttypid, t.atttypmod))
        || case when t.attnotnull then ' not null' else '' end || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
      from rel join pg_attribute t on t.attrelid = id and t.attnum > 0 and not t.attisdropped
      left join pg_attrdef d on d.adrelid = id and d.adnum = t.attnum where relkind <> 'S'
    union all
    select heading, 2, 0, format('constraint %s %s', k.conname, pg_get_constraintdef(k.oid))
      from rel join pg_constraint k on k.conrelid = id and k.contype <> 'n'
    union all
    select heading, 3, 0, pg_get_indexdef(i.indexrelid) from rel join pg_index i on i.indrelid = id
      where not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
    union all
    select heading, 4, 0, format('policy %s %s for %s to %s using %s', p.policyname, lower(p.permissive), lower(p.cmd),
        array_to_string(p.roles, ', '), p.qual) || coalesce(' check ' || p.with_check, '')
      from rel join pg_policies p on p.schemaname = 'chancery' and p.tablename = relname
    union all
    select heading, 5, 0, pg_get_triggerdef(g.oid) || case g.tgenabled when 'O' then '' else ' DISABLED' end
      from rel join pg_trigger g on g.tgrelid = id and not g.tgisinternal
    union all
    select heading, 6, 0, format('grant %s to %s', string_agg(a.privilege_type, ', ' order by a.privilege_type), ${GRANTEE})
      from rel, aclexplode(coalesce(relacl, acldefault((case relkind when 'S' then 's' else 'r' end)::"char", relowner))) a group by heading, a.grantee
    union all
    select heading, 7, 0, format('grant %s (%s) to %s', a.privilege_type, string_agg(t.attname, ', ' order by t.attnum), ${GRANTEE})
      from rel join pg_attribute t on t.attrelid = id, aclexplode(t.attacl) a group by heading, a.grantee, a.privilege_type
  ) as lines order by heading collate "C", rank, position, line collate "C"`,

  `select 'function ' || p.oid::regprocedure as heading, pg_get_functiondef(p.oid) as line
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${OURS}
  union all
  select 'function ' || p.oid::regprocedure, 'grant EXECUTE to ' || ${GRANTEE}
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where ${OURS}`,
];

/** The whole schema as text that is the same for the same schema: who may do what, and what stands where. */
export async function dumpSchema(client: ClientBase): Promise<string> {
  const printed: string[] = [];
  for (const section of SECTIONS) {
    const { rows } = await client.query<{ heading: string; line: string }>(sorted(section));
    let heading = '';
    for (const row of rows) {
      if (row.heading !== heading) printed.push('', row.heading);
      heading = row.heading;
      printed.push(
        ...row.line
          .trimEnd()
          .split('\n')
          .map((line) => `  ${line}`),
      );
    }
  }
  return `${printed.join('\n').trimStart()}\n`;
}

/** A section that does not say its order is sorted by what it prints. */
function sorted(section: string): string {
  if (section.includes('order by heading')) return section;
  return `select heading, line from (${section}) as lines order by heading collate "C", line collate "C"`;
}
