import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Client } from 'pg';
import { AdministrativeActs } from '../../src/audit/administrative-acts.js';
import { SystemClock } from '../../src/platform/clock.js';
import { PasswordHasher } from '../../src/platform/crypto/password-hash.js';
import { PlatformSecret } from '../../src/platform/crypto/platform-secret.js';
import {
  type DatabaseAddress,
  readDatabaseAddress,
  type RolePassword,
} from '../../src/platform/database/database-address.js';
import { limitDatabase, provisionDatabase } from '../../src/platform/database/provision.js';
import { ServiceDatabase } from '../../src/platform/database/service-database.js';
import { TenantDatabase } from '../../src/platform/database/tenant-database.js';
import { type PoolLimits, TenantPools } from '../../src/platform/database/tenant-pools.js';
import { withClient } from '../../src/platform/database/with-client.js';
import { Directory } from '../../src/tenancy/directory.js';
import { MemberFactory } from '../../src/tenancy/new-member.js';
import { ProvisionRole } from '../../src/tenancy/provision-role.js';
import { SetUpPlatform } from '../../src/tenancy/set-up-platform.js';
import { createDatabase, dropDatabase, ensureTemplate } from './cluster.js';

export const MIGRATIONS_FOLDER = path.resolve(__dirname, '../../migrations');
const PROVISION_FILE = path.resolve(__dirname, '../../src/platform/database/provision.ts');
/** A hash that costs nothing: tests sign people in, they do not defend them. */
export const FAST_PASSWORD_COST = { memoryKib: 8, passes: 1 } as const;
export const TEST_POOL_LIMITS: PoolLimits = {
  totalMax: 24,
  tenantMax: 4,
  controlReserve: 4,
  waitMs: 2_000,
  idleMs: 90_000,
  lifetimeMs: 1_800_000,
  opensPerSecond: 200,
  waitersMax: 200,
};

/** A database of one spec file's own, migrated and with the platform's tenant in it. */
export interface TestDatabase {
  readonly address: DatabaseAddress;
  /** The superuser's way in, for looking behind the scenes. */
  readonly adminUrl: string;
  readonly platformSecretFile: string;
  readonly secret: PlatformSecret;
  readonly password: RolePassword;
  drop(): Promise<void>;
}

/** Clones the run's template; the first to come makes it. */
export async function cloneDatabase(): Promise<TestDatabase> {
  const { file, secret } = await runSecret();
  const password: RolePassword = (role) => secret.derive(`role-password/${role}`).toString('base64url');
  const template = templateName(secret);
  await ensureTemplate(template, (url) => makeTemplate(url, secret, password));
  const { name, url } = await createDatabase(template);
  // Rights on the database itself are the one thing a clone does not inherit.
  await asSuperuser(url, (admin) => limitDatabase(admin, name));
  const drop = () => dropDatabase(name);
  return { address: readDatabaseAddress(url), adminUrl: url, platformSecretFile: file, secret, password, drop };
}

/** What the application would have open on a test's database. */
export interface OpenDatabase {
  readonly pools: TenantPools;
  readonly tenants: TenantDatabase;
  readonly services: ServiceDatabase;
  close(): Promise<void>;
}

export function openDatabase(
  database: Pick<TestDatabase, 'address' | 'password'>,
  limits: Partial<PoolLimits> = {},
): OpenDatabase {
  const pools = new TenantPools(database.address, database.password, { ...TEST_POOL_LIMITS, ...limits });
  const services = new ServiceDatabase(database.address, database.password);
  const close = async () => {
    await Promise.all([pools.close(), services.close()]);
  };
  return { pools, tenants: new TenantDatabase(pools), services, close };
}

export function asSuperuser<T>(url: string, act: (client: Client) => Promise<T>): Promise<T> {
  return withClient({ connectionString: url }, act);
}

/** Roles belong to the whole cluster and their passwords come from this secret, so all of a run share one. */
async function runSecret(): Promise<{ file: string; secret: PlatformSecret }> {
  const dir = process.env.CHANCERY_TEST_DIR;
  if (dir === undefined)
    throw new Error('no folder for this run: test/support/start-services.mjs sets CHANCERY_TEST_DIR');
  const file = path.join(dir, 'platform-secret');
  try {
    return { file, secret: await PlatformSecret.generateFile(file) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return { file, secret: await PlatformSecret.fromFile(file) };
  }
}

/** A cluster that outlives runs keeps its templates: other roles, migrations or secrets need another one. */
function templateName(secret: PlatformSecret): string {
  const hash = createHash('sha256').update(secret.derive('role-password/template'));
  const migrations = readdirSync(MIGRATIONS_FOLDER).filter((name) => name.endsWith('.sql'));
  for (const file of [PROVISION_FILE, ...migrations.sort().map((name) => path.join(MIGRATIONS_FOLDER, name))]) {
    hash.update(`${path.basename(file)}\0`).update(readFileSync(file));
  }
  return `template_${hash.digest('hex').slice(0, 32)}`;
}

async function makeTemplate(url: string, secret: PlatformSecret, password: RolePassword): Promise<void> {
  const address = readDatabaseAddress(url);
  await provisionDatabase({ adminUrl: url, address, password, migrationsFolder: MIGRATIONS_FOLDER });
  const open = openDatabase({ address, password });
  const clock = new SystemClock();
  const factory = new MemberFactory(new PasswordHasher(FAST_PASSWORD_COST), secret);
  const acts = new AdministrativeActs(open.tenants, clock);
  const roles = new ProvisionRole(open.services, secret);
  try {
    await new SetUpPlatform(new Directory(open.services), open.tenants, roles, factory, acts, clock).execute();
  } finally {
    await open.close(); // a template must have no connections
  }
}
