import { EmbeddedCluster } from './embedded-cluster.js';
import { withClient } from './with-client.js';

const DATABASE = 'chancery';

/** A database of our own in an embedded cluster; `adminUrl` is its superuser's way in. */
export async function openEmbeddedDatabase(
  dir: string,
  log: (line: string) => void,
): Promise<{ cluster: EmbeddedCluster; adminUrl: string }> {
  const cluster = await EmbeddedCluster.start({ dir, log });
  await withClient({ connectionString: cluster.adminUrl }, async (client) => {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  });
  const url = new URL(cluster.adminUrl);
  url.pathname = `/${DATABASE}`;
  return { cluster, adminUrl: url.href };
}
