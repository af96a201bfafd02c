import { Client } from 'pg';
import { EmbeddedCluster } from './embedded-cluster.js';

const DATABASE = 'chancery';

/** A database of our own in an embedded cluster; `adminUrl` is its superuser's way in. */
export async function openEmbeddedDatabase(
  dir: string,
  log: (line: string) => void,
): Promise<{ cluster: EmbeddedCluster; adminUrl: string }> {
  const cluster = await EmbeddedCluster.start({ dir, log });
  const client = new Client({ connectionString: cluster.adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
  const url = new URL(cluster.adminUrl);
  url.pathname = `/${DATABASE}`;
  return { cluster, adminUrl: url.href };
}
