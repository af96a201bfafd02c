import {
  type ConnectionOptions,
  createPostgresBackend,
  Queue,
  runMigrations,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import { Cluster, Redis } from 'ioredis';
import { Pool, type PoolConfig } from 'pg';
import { withClient } from '../database/with-client.js';
import type { Log } from '../telemetry/logger.js';

/** Redis when there is one, PostgreSQL otherwise. Whether a Redis is a Cluster, it says itself. */
export type QueueStore =
  | { kind: 'redis'; url: string; prefix: string; isCluster?: boolean }
  | { kind: 'postgres'; login: PoolConfig; schema: string };

/** What we use of BullMQ's classes, whose types differ by where they keep their jobs. */
export type OpenQueue = Pick<
  Queue,
  'waitUntilReady' | 'close' | 'on' | 'add' | 'getJobScheduler' | 'upsertJobScheduler' | 'removeJobScheduler'
>;
export type OpenWorker = Pick<Worker, 'waitUntilReady' | 'close' | 'on' | 'isRunning'>;
export type Process = (job: { name: string; data: unknown }) => Promise<void>;

/** Of each of the two pools; one of the worker's waits in LISTEN. */
const CONNECTIONS_MAX = { queue: 2, worker: 3 };
const REDIS_PORT = 6379;

export function openQueue(store: QueueStore, name: string): OpenQueue {
  if (store.kind === 'redis') {
    const connection = redisConnection(store);
    return endingWith(connection, new Queue(name, { connection, prefix: store.prefix }));
  }
  const connection = pool(store, CONNECTIONS_MAX.queue);
  return endingWith(
    connection,
    new Queue(name, { connection } as never, createPostgresBackend) as unknown as OpenQueue,
  );
}

export function openWorker(store: QueueStore, name: string, run: Process, options: Partial<WorkerOptions>): OpenWorker {
  if (store.kind === 'redis') {
    const connection = redisConnection(store);
    return endingWith(connection, new Worker(name, run, { ...options, connection, prefix: store.prefix }));
  }
  const connection = pool(store, CONNECTIONS_MAX.worker);
  const worker = new Worker(name, run, { ...options, connection } as never, createPostgresBackend);
  return endingWith(connection, worker as unknown as OpenWorker);
}

/** Makes BullMQ's tables, or says what is wrong with a Redis; gives back the store as it turned out to be. */
export async function prepareStore(store: QueueStore, log: Log): Promise<QueueStore> {
  if (store.kind === 'redis') return { ...store, isCluster: await inspectRedis(store.url, log) };
  await migrate(store);
  return store;
}

/** Workers wait in a blocking command, which must not count as a request that failed. */
function redisConnection({ url, isCluster }: Extract<QueueStore, { kind: 'redis' }>): ConnectionOptions | Cluster {
  if (isCluster !== true) return { url, maxRetriesPerRequest: null };
  const { hostname, port, username, password, protocol } = new URL(url);
  const redisOptions = {
    maxRetriesPerRequest: null,
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  };
  return new Cluster([{ host: hostname, port: Number(port || REDIS_PORT) }], { redisOptions });
}

/** BullMQ leaves open what it did not open itself. */
function endingWith<T extends { close(force?: boolean): Promise<void> }>(connection: unknown, opened: T): T {
  const close = opened.close.bind(opened);
  opened.close = async (force) => {
    await close(force).finally(() => {
      if (connection instanceof Cluster) connection.disconnect();
    });
    if (connection instanceof Pool && !connection.ending) await connection.end();
  };
  return opened;
}

/**
 * Not BullMQ's own, whose connections have nothing that listens for errors while they are lent, or while a worker ends: one that
 * PostgreSQL ends at that moment would end the process. Whoever asks the connection next is told.
 */
function pool({ login, schema }: Extract<QueueStore, { kind: 'postgres' }>, max: number): Pool {
  const options = `${login.options ?? ''} -c search_path="${schema}"`;
  const connections = new Pool({ ...login, options, max, keepAlive: true });
  return connections.on('connect', (client) => client.on('error', () => undefined));
}

async function migrate({ login, schema }: Extract<QueueStore, { kind: 'postgres' }>): Promise<void> {
  await withClient(login, async (client) => {
    // CREATE SCHEMA IF NOT EXISTS asks for a right on the whole database even when the schema is there.
    const { rowCount } = await client.query('select from pg_namespace where nspname = $1', [schema]);
    const query = async (text: string, values?: unknown[]) =>
      rowCount && text.startsWith('CREATE SCHEMA IF NOT EXISTS') ? { rows: [] } : await client.query(text, values);
    await runMigrations({ query }, schema);
  });
}

/** True when it is a node of a Cluster. */
async function inspectRedis(url: string, log: Log): Promise<boolean> {
  const client = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 1 });
  client.on('error', () => undefined);
  try {
    const policy = /^maxmemory_policy:(.*)$/m.exec(await client.info('memory'))?.[1]?.trim();
    if (policy && policy !== 'noeviction') {
      log.warn({ policy }, 'Redis may throw jobs away when it is full: set maxmemory-policy to noeviction');
    }
    return /^cluster_enabled:1/m.test(await client.info('cluster'));
  } finally {
    client.disconnect();
  }
}
