import { Redis } from 'ioredis';

/** Jest's workers; each has its own share of a Redis's databases. Few where there are few databases. */
const WORKERS = { min: 2, max: 32 };
const SHARE_MIN = 16;
let opened = 0;

/**
 * With REDIS_URL in the environment the same suite runs on Redis. Applications of different databases must not take each
 * other's jobs, so each gets a database of that Redis for itself, emptied.
 */
export async function queueEnv(): Promise<Readonly<Record<string, string>>> {
  const given = process.env.REDIS_URL;
  if (given === undefined || given === '') return {};
  const url = new URL(given);
  const redis = new Redis(given, { lazyConnect: true, maxRetriesPerRequest: 1 });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    const [, databases] = await redis.config('GET', 'databases');
    const workers = Math.min(WORKERS.max, Math.max(WORKERS.min, Math.floor(Number(databases) / SHARE_MIN)));
    const share = Math.max(1, Math.floor(Number(databases) / workers));
    const worker = (Number(process.env.JEST_WORKER_ID ?? 1) - 1) % workers;
    const database = worker * share + (opened % share);
    opened += 1;
    await redis.select(database);
    await redis.flushdb();
    url.pathname = `/${database}`;
    return { REDIS_URL: url.href };
  } finally {
    redis.disconnect();
  }
}
