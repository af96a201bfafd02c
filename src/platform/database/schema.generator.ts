import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PlatformSecret } from '../crypto/platform-secret.js';
import { readDatabaseAddress } from './database-address.js';
import { EmbeddedCluster } from './embedded-cluster.js';
import { provisionDatabase } from './provision.js';
import { rolePasswords } from './role-passwords.js';
import { dumpSchema } from './schema-dump.js';
import { withClient } from './with-client.js';

export const file = 'migrations/schema.txt';

/** What a first start makes of an empty server, so that a review sees what a migration comes to. */
export async function generate(): Promise<string> {
  const dir = mkdtempSync(path.join(tmpdir(), 'chancery-schema-'));
  try {
    const cluster = await EmbeddedCluster.start({ dir: path.join(dir, 'postgres') });
    try {
      const secret = await PlatformSecret.generateFile(path.join(dir, 'platform-secret'));
      return await dumpOf(cluster.adminUrl, secret);
    } finally {
      await cluster.stop();
    }
  } finally {
    await EmbeddedCluster.remove(path.join(dir, 'postgres'));
    rmSync(dir, { recursive: true, force: true });
  }
}

async function dumpOf(adminUrl: string, secret: PlatformSecret): Promise<string> {
  await provisionDatabase({
    adminUrl,
    address: readDatabaseAddress(adminUrl),
    password: rolePasswords(secret),
    migrationsFolder: fileURLToPath(new URL('../../../migrations', import.meta.url)),
  });
  return withClient({ connectionString: adminUrl }, dumpSchema);
}
