import path from 'node:path';
import { Client } from 'pg';
import { PlatformSecret } from '../src/platform/crypto/platform-secret.js';
import { type DatabaseAddress, readDatabaseAddress } from '../src/platform/database/database-address.js';
import { rolePasswords } from '../src/platform/database/role-passwords.js';
import { TenantDatabase } from '../src/platform/database/tenant-database.js';
import { TenantPools } from '../src/platform/database/tenant-pools.js';
import type { World } from './world.js';

const LIMITS = {
  totalMax: 24,
  tenantMax: 4,
  controlReserve: 4,
  waitMs: 10_000,
  idleMs: 90_000,
  lifetimeMs: 1_800_000,
  opensPerSecond: 1_000,
  waitersMax: 1_000,
};

/** The server's database as this process may use it: its own pools, logged in as each tenant. */
export async function openTenants(world: World) {
  const secret = await PlatformSecret.fromFile(path.join(world.dir, 'platform-secret'));
  const address: DatabaseAddress = readDatabaseAddress(world.adminUrl);
  const pools = new TenantPools(address, rolePasswords(secret), LIMITS);
  return { secret, tenants: new TenantDatabase(pools), close: () => pools.close() };
}

/** Work as the superuser: tables to compare with, and ten thousand logins at once. */
export async function asSuperuser<T>(world: World, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: world.adminUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
