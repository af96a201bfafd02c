import { randomBytes } from 'node:crypto';
import { type Client, escapeIdentifier } from 'pg';
import { withClient } from '../../src/platform/database/with-client.js';

const TRIES = 12;
/** https://www.postgresql.org/docs/current/errcodes-appendix.html: object_in_use */
const IN_USE = '55006';

/** The superuser of the cluster that this run of tests shares; `start-services.ts` sets it. */
export function adminUrl(database?: string): string {
  const url = process.env.CHANCERY_TEST_ADMIN_URL;
  if (!url) throw new Error('no cluster: this project of jest.config.mjs lacks test/support/start-services.ts');
  if (!database) return url;
  const parsed = new URL(url);
  parsed.pathname = `/${database}`;
  return parsed.href;
}

/** A database of one's own, empty or a clone. The caller drops it. */
export async function createDatabase(template?: string): Promise<{ name: string; url: string }> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const source = template ? ` template ${escapeIdentifier(template)}` : '';
  await whenUnused(`create database ${escapeIdentifier(name)}${source}`);
  return { name, url: adminUrl(name) };
}

/** Ends the connections that are left and drops it. */
export function dropDatabase(name: string): Promise<void> {
  return whenUnused(`drop database if exists ${escapeIdentifier(name)} with (force)`);
}

/** The server waits five seconds for connections that end, also to a template; a busy machine may need more. */
async function whenUnused(sql: string): Promise<void> {
  for (let left = TRIES; ; left -= 1) {
    try {
      await asAdmin((client) => client.query(sql));
      return;
    } catch (error) {
      if ((error as { code?: unknown }).code !== IN_USE || left === 1) throw error;
    }
  }
}

/** Makes a template once, whichever worker comes first; the others wait for it. */
export async function ensureTemplate(name: string, make: (url: string) => Promise<void>): Promise<void> {
  await alone(async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount) return;
    const unfinished = await createDatabase();
    await make(unfinished.url);
    await whenUnused(`alter database ${escapeIdentifier(unfinished.name)} rename to ${escapeIdentifier(name)}`);
  });
}

/** For what touches the deployment's roles, which belong to the whole cluster: one worker at a time. */
export function alone<T>(act: (client: Client) => Promise<T>): Promise<T> {
  return asAdmin(async (client) => {
    await client.query("select pg_advisory_lock(hashtext('the roles of the cluster'))");
    return act(client);
  });
}

function asAdmin<T>(act: (client: Client) => Promise<T>): Promise<T> {
  return withClient({ connectionString: adminUrl() }, act);
}
