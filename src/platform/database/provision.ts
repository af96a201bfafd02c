import type { Client } from 'pg';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { grantQueueRights } from '../queue/queue-rights.js';
import { sqlState } from './database.errors.js';
import { loginAs, type DatabaseAddress, type RolePassword } from './database-address.js';
import { OWNER_ROLE, QUEUE_SCHEMA, SCHEMA, scramVerifier, SERVICE_ROLES, TENANT_GROUP } from './roles.js';
import { withClient } from './with-client.js';

/** Any fixed number: one migration at a time in a database. */
const MIGRATION_LOCK = 7_246_001;
const INSUFFICIENT_PRIVILEGE = '42501';
const SERVER_VERSION_MIN = 160_000;
/** Of one connection; building an index on a large table is the migrator's, which has no such limit. */
const TEMP_FILES_MAX = '1GB';

export interface ProvisionOptions {
  /** A login that may create roles and owns the database, or a superuser; used here and nowhere else. */
  readonly adminUrl: string;
  readonly address: DatabaseAddress;
  readonly password: RolePassword;
  readonly migrationsFolder: string;
  readonly log?: (line: string) => void;
}

/** Makes the roles and schemas, takes away what no tenant needs, and runs the migrations. Safe to repeat. */
export async function provisionDatabase(options: ProvisionOptions): Promise<void> {
  await withClient({ connectionString: options.adminUrl }, async (admin) => {
    await refuseOldServer(admin);
    await admin.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await createRoles(admin, options.password);
    await actingAsOwners(admin, () => createSchemas(admin));
    await limitDatabase(admin, options.address.database, options.log);
    await withdrawDefaults(admin, options.log);
    options.log?.('running migrations');
    await withClient(loginAs(options.address, SERVICE_ROLES.migrator, options.password), async (migrator) => {
      await migrator.query(`set role ${OWNER_ROLE}`);
      await migrate(drizzle(migrator), {
        migrationsFolder: options.migrationsFolder,
        migrationsSchema: SCHEMA,
        migrationsTable: 'migrations',
      });
    });
  });
}

/** Before 16, CREATEROLE is power over every role that is no superuser: a provisioner could become any tenant. */
async function refuseOldServer(admin: Client): Promise<void> {
  const { rows } = await admin.query<{ server_version_num: string }>('show server_version_num');
  const version = Number(rows[0]?.server_version_num);
  if (version < SERVER_VERSION_MIN)
    throw new Error(`PostgreSQL 16 or newer is needed, this is ${Math.floor(version / 10_000)}`);
}

async function createRoles(admin: Client, password: RolePassword): Promise<void> {
  for (const role of [OWNER_ROLE, TENANT_GROUP]) await ensureRole(admin, role, 'nologin');
  for (const role of Object.values(SERVICE_ROLES)) {
    const createrole = role === SERVICE_ROLES.provisioner ? 'createrole' : 'nocreaterole';
    await ensureRole(admin, role, `login ${createrole} password '${scramVerifier(password(role))}'`);
  }
  await admin.query(`grant ${OWNER_ROLE} to ${SERVICE_ROLES.migrator} with inherit false, set true`);
  // ADMIN of the tenant group and no more: it can make tenants' logins, and read nothing of theirs.
  await admin.query(`grant ${TENANT_GROUP} to ${SERVICE_ROLES.provisioner} with admin true, inherit false, set false`);
}

async function ensureRole(admin: Client, role: string, options: string): Promise<void> {
  const { rowCount } = await admin.query('select 1 from pg_roles where rolname = $1', [role]);
  await admin.query(`${rowCount === 0 ? 'create' : 'alter'} role ${role} ${options}`);
}

/** A login that is no superuser can make what another role owns only while it may act as that role. */
async function actingAsOwners(admin: Client, work: () => Promise<void>): Promise<void> {
  const { rowCount } = await admin.query('select from pg_roles where rolname = current_user and rolsuper');
  if (rowCount === 1) return work();
  const owners = `${OWNER_ROLE}, ${SERVICE_ROLES.queue}`;
  await admin.query(`grant ${owners} to current_user with inherit false, set true`);
  try {
    await work();
  } finally {
    await admin.query(`revoke ${owners} from current_user`);
  }
}

async function createSchemas(admin: Client): Promise<void> {
  await admin.query(`create schema if not exists ${SCHEMA} authorization ${OWNER_ROLE}`);
  await admin.query(`create schema if not exists ${QUEUE_SCHEMA} authorization ${SERVICE_ROLES.queue}`);
  await admin.query('revoke all on schema public from public');
}

/** Only our own roles connect, none of them makes temporary tables, and what a statement spills to disk has an end. */
export async function limitDatabase(admin: Client, database: string, log?: (line: string) => void): Promise<void> {
  const name = admin.escapeIdentifier(database);
  await admin.query(`revoke all on database ${name} from public`);
  const logins = [TENANT_GROUP, ...Object.values(SERVICE_ROLES)].join(', ');
  await admin.query(`grant connect on database ${name} to ${logins}`);
  // The migrator's first statement is CREATE SCHEMA IF NOT EXISTS, which asks for this right even when it exists.
  await admin.query(`grant create on database ${name} to ${OWNER_ROLE}`);
  try {
    await admin.query(`alter database ${name} set temp_file_limit = '${TEMP_FILES_MAX}'`);
    await admin.query(`alter role ${SERVICE_ROLES.migrator} in database ${name} set temp_file_limit = -1`);
  } catch (error) {
    if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    log?.('a tenant may fill the disk with temporary files: only a superuser can set temp_file_limit');
  }
}

/** What PostgreSQL lets everybody call: advisory locks would let one tenant hold up another; large objects are storage. */
const OPEN_TO_ALL = `
  select p.oid::regprocedure::text as signature from pg_proc p
  where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ '^(pg_(try_)?advisory_|lo_|loread$|lowrite$)'
  and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0)`;

/** Only a superuser can; on a server where we are none, these stay open to tenants' logins, and the log says so. */
async function withdrawDefaults(admin: Client, log?: (line: string) => void): Promise<void> {
  const { rows } = await admin.query<{ signature: string }>(OPEN_TO_ALL);
  try {
    for (const { signature } of rows) await admin.query(`revoke execute on function ${signature} from public`);
    if ((await admin.query(OPEN_TO_ALL)).rowCount === 0) return await grantQueueRights(admin, SERVICE_ROLES.queue);
  } catch (error) {
    if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error;
  }
  log?.('advisory locks and large objects stay open to tenants: only a superuser can withdraw them');
}
