import { Client } from 'pg';
import { AdministrativeActs } from '../../src/audit/administrative-acts.js';
import { SystemClock } from '../../src/platform/clock.js';
import { loginAs } from '../../src/platform/database/database-address.js';
import { tenantRole } from '../../src/platform/database/roles.js';
import { newUuid } from '../../src/platform/ids.js';
import { Directory } from '../../src/tenancy/directory.js';
import { ProvisionRole } from '../../src/tenancy/provision-role.js';
import type { OpenDatabase, TestDatabase } from './database.js';

/** A tenant with its login, its chain and its place in the directory, and nobody in it. */
export async function newTenant(database: TestDatabase, open: OpenDatabase): Promise<string> {
  const id = newUuid();
  const clock = new SystemClock();
  await new ProvisionRole(open.services, database.secret).execute(id);
  await open.tenants.inTenant(id, (tx) => new AdministrativeActs(open.tenants, clock).begin(tx));
  const namespace = `n${id.replaceAll('-', '')}`;
  await new Directory(open.services).add({ id, namespace, name: 'A tenant', createdAt: new Date(clock.now()) });
  return id;
}

/** A bare connection as a role: what somebody has who stole its password, or found an injection. */
export async function asRole<T>(
  database: Pick<TestDatabase, 'address' | 'password'>,
  role: string,
  act: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client(loginAs(database.address, role, database.password));
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
}

export function asTenant<T>(database: TestDatabase, tenantId: string, act: (client: Client) => Promise<T>): Promise<T> {
  return asRole(database, tenantRole(tenantId), act);
}
