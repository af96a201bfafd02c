/** What design 5 says of logins, of the database around the tables, and of what PostgreSQL gives everybody by default. */
const OURS = `select r.*, r.oid as id from pg_roles r where r.rolname like 'chancery\\_%' or r.rolname ~ '^t_[0-9a-f]{32}$'`;
const TENANT = `rolname ~ '^t_[0-9a-f]{32}$'`;
const MEMBERSHIPS = `select pg_get_userbyid(m.member) as rolname, pg_get_userbyid(m.roleid) as in_role,
  m.admin_option, m.inherit_option, m.set_option from pg_auth_members m`;

export const ROLE_RULES = {
  'no login of ours bypasses anything': `
    select rolname as fault from (${OURS}) r where rolsuper or rolbypassrls or rolreplication or rolcreatedb
    or rolcreaterole <> (rolname = 'chancery_provisioner')`,
  'owner and tenant group cannot log in': `
    select rolname as fault from pg_roles where rolname in ('chancery_owner', 'chancery_tenant') and rolcanlogin`,
  'a tenant is a member of the tenant group and of nothing else, and its connections are counted': `
    select rolname || ' in ' || in_role as fault from (${MEMBERSHIPS}) m where ${TENANT} and (in_role <> 'chancery_tenant' or admin_option)
    union all
    select rolname || ' can become the group' from (${MEMBERSHIPS}) m where ${TENANT} and set_option
    union all
    select rolname || ' may hold every connection' from pg_roles where ${TENANT} and rolconnlimit = -1
    union all
    select rolname || ' is no member' from pg_roles where ${TENANT} and not pg_has_role(oid, 'chancery_tenant', 'usage')`,
  'nobody else reads what the tenant group or the owner may': `
    select rolname || ' in ' || in_role as fault from (${MEMBERSHIPS}) m
    where in_role in ('chancery_tenant', 'chancery_owner') and (inherit_option or set_option)
      and not (in_role = 'chancery_tenant' and ${TENANT})
      and not (in_role = 'chancery_owner' and rolname = 'chancery_migrator' and not inherit_option)
    union all
    select rolname || ' may let others into ' || in_role from (${MEMBERSHIPS}) m where admin_option and rolname ~ '^(chancery|t)_'
      and in_role !~ '^t_' and not (in_role = 'chancery_tenant' and rolname = 'chancery_provisioner')
    union all
    select rolname || ' in ' || in_role from (${MEMBERSHIPS}) m where rolname like 'chancery\\_%' and in_role like 'pg\\_%'`,
  'the database is open to our own roles, without temporary tables': `
    select coalesce(nullif(pg_get_userbyid(a.grantee), 'unknown (OID=0)'), 'everybody') || ' may ' || a.privilege_type as fault
    from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
    where d.datname = current_database() and a.grantee <> d.datdba and not (
      a.privilege_type = 'CONNECT' and a.grantee <> 0
      or a.privilege_type = 'CREATE' and a.grantee = 'chancery_owner'::regrole)`,
  'schemas are closed': `
    select n.nspname || ': ' || a.privilege_type || ' to ' || pg_get_userbyid(a.grantee) as fault
    from pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
    where n.nspname in ('chancery', 'bullmq', 'public') and a.grantee <> n.nspowner and not (
      n.nspname = 'chancery' and a.privilege_type = 'USAGE'
      and pg_get_userbyid(a.grantee) in ('chancery_tenant', 'chancery_directory', 'chancery_scheduler'))
    union all
    select 'default rights in ' || coalesce(defaclnamespace::regnamespace::text, 'every schema') from pg_default_acl`,
  'advisory locks are the queue’s alone, and large objects nobody’s': `
    select p.oid::regprocedure::text || ' to ' || pg_get_userbyid(a.grantee) as fault
    from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ '^(pg_(try_)?advisory_|lo_|loread$|lowrite$)'
    and (a.grantee = 0 or pg_get_userbyid(a.grantee) ~ '^(chancery|t)_')
    and not (p.proname ~ '^pg_(try_)?advisory_xact_lock' and a.grantee = 'chancery_queue'::regrole)`,
} as const;
