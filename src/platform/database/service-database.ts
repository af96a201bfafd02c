import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import { loginAs, type DatabaseAddress, type RolePassword } from './database-address.js';
import { SERVICE_ROLES } from './roles.js';

const IDLE_MS = 60_000;
const CONNECTIONS_MAX = 2;

/** Small pools of the deployment's own logins. None of them can read a tenant's rows. */
export class ServiceDatabase {
  readonly directory: NodePgDatabase;
  readonly scheduler: NodePgDatabase;
  readonly provisioner: Pool;
  readonly #pools: Pool[];

  constructor(address: DatabaseAddress, password: RolePassword) {
    const pool = (role: string): Pool => {
      const made = new Pool({ ...loginAs(address, role, password), max: CONNECTIONS_MAX, idleTimeoutMillis: IDLE_MS });
      made.on('error', () => undefined);
      return made;
    };
    const directory = pool(SERVICE_ROLES.directory);
    const scheduler = pool(SERVICE_ROLES.scheduler);
    this.provisioner = pool(SERVICE_ROLES.provisioner);
    this.directory = drizzle(directory);
    this.scheduler = drizzle(scheduler);
    this.#pools = [directory, scheduler, this.provisioner];
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.end().catch(() => undefined)));
  }
}
