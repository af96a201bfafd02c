import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Client, type Pool } from 'pg';
import { pino } from 'pino';
import { loginAs } from '../../src/platform/database/database-address.js';
import { SERVICE_ROLES } from '../../src/platform/database/roles.js';
import { JobQueue, type JobQueueOptions } from '../../src/platform/queue/job-queue.js';
import { openQueue } from '../../src/platform/queue/queue-store.js';
import { cloneDatabase } from '../support/database.js';
import { MortalRedis, REDIS_SERVER } from '../support/mortal-redis.js';

jest.setTimeout(180_000);

const WATCH_MS = 200;
const EVERY_MS = 100;
const log = pino({ level: process.env.TEST_LOG ?? 'silent' });

type Loss = { schedules(): Promise<unknown>; everything(): Promise<unknown>; connections(): Promise<unknown> };
type Backend = { options: Pick<JobQueueOptions, 'postgres' | 'redisUrl'>; lose: Loss; close(): Promise<void> };

describe('on PostgreSQL', () => {
  runsJobs(onPostgres);
});
(REDIS_SERVER ? describe : describe.skip)('on Redis', () => {
  let redis: MortalRedis;
  beforeAll(async () => {
    redis = await MortalRedis.start();
  });
  afterAll(() => redis?.close());
  runsJobs(() => onRedis(redis.url));
});

function runsJobs(open: () => Promise<Backend>): void {
  let backend: Backend;
  const queues: JobQueue[] = [];

  beforeEach(async () => {
    backend = await open();
  });
  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.stop()));
    await backend.close();
  });

  function newQueue(options: Partial<JobQueueOptions> = {}): JobQueue {
    const queue = new JobQueue({ log, watchMs: WATCH_MS, ...backend.options, ...options });
    queues.push(queue);
    return queue;
  }

  test('a job runs again and again, on one of two processes at a time', async () => {
    const everyMs = 300; // a busy machine keeps to it as well
    let runs = 0;
    const lines: string[] = [];
    const quiet = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
    // The watchdog takes a job for lost that is ten looks late.
    const options = { log: quiet, watchMs: 500 };
    for (const queue of [newQueue(options), newQueue(options)]) {
      queue.schedule('count', { everyMs }, async () => void runs++);
      await queue.start();
      expect(queue.health()).toEqual({ ready: true, state: 'ok' });
    }
    await until(() => runs >= 3);
    const [before, started] = [runs, Date.now()];
    await sleep(5 * everyMs);
    // One that was late may fall in this time, and one at its very beginning. Two processes would make it twice as many.
    expect(runs - before).toBeLessThanOrEqual((Date.now() - started) / everyMs + 2);
    expect(lines).toEqual([]); // the watchdog sees nothing wrong with a queue that is well
  });

  test('a job that fails is logged and tried again', async () => {
    const lines: string[] = [];
    const queue = newQueue({ log: pino({ level: 'error' }, { write: (line: string) => void lines.push(line) }) });
    let runs = 0;
    queue.schedule('fragile', { everyMs: 60_000 }, async () => {
      if (++runs === 1) throw new Error('the first time');
    });
    await queue.start();
    await until(() => runs === 2);
    expect(lines.join()).toContain('"job":"fragile"');
  });

  test.each(['schedules', 'everything', 'connections'] as const)(
    'P15: jobs go on after the loss of all %s',
    async (what) => {
      const queue = newQueue();
      let runs = 0;
      queue.schedule('count', { everyMs: EVERY_MS }, async () => void runs++);
      await queue.start();
      await until(() => runs >= 1);

      await backend.lose[what]();
      const before = runs;
      await until(() => runs >= before + 3);
      await until(() => queue.health().ready);
    },
  );

  test('a run that is slower than its interval is not overtaken by the next', async () => {
    const queue = newQueue();
    let [now, most, runs] = [0, 0, 0];
    queue.schedule('slow', { everyMs: EVERY_MS }, async () => {
      most = Math.max(most, ++now);
      await sleep(3 * EVERY_MS);
      now--;
      runs++;
    });
    await queue.start();
    await until(() => runs >= 2);
    expect(most).toBe(1);
  });

  test('a run that takes too long is told to stop, and counts as failed', async () => {
    const lines: string[] = [];
    const queue = newQueue({ log: pino({ level: 'error' }, { write: (line: string) => void lines.push(line) }) });
    queue.schedule('endless', { everyMs: 60_000, timeoutMs: 100 }, untilAborted);
    await queue.start();
    await until(() => lines.length > 0);
    expect(lines.join()).toContain('JobTimeoutError');
  });

  test('stop waits for the run that is going on, and starts no other', async () => {
    const queue = newQueue();
    let [started, ended] = [0, 0];
    queue.schedule('slow', { everyMs: EVERY_MS }, async () => {
      started++;
      await sleep(2 * EVERY_MS);
      ended++;
    });
    await queue.start();
    await until(() => started > ended);
    await Promise.all([queue.stop(), queue.stop()]);
    expect(ended).toBe(started);
    await sleep(2 * EVERY_MS);
    expect(started).toBe(ended);
    expect(queue.health()).toEqual({ ready: false, state: 'stopped' });
  });

  test('stop does not wait for ever: a run that does not end is aborted', async () => {
    const queue = newQueue({ drainMs: 200 });
    let [runs, reason]: [number, unknown] = [0, undefined];
    queue.schedule('endless', { everyMs: 60_000 }, async (signal) => {
      runs += 1;
      await untilAborted(signal);
      reason = signal.reason;
    });
    await queue.start();
    await until(() => runs > 0);
    await queue.stop();
    expect(reason).toMatchObject({ name: 'AbortError' });
  });

  test('nor for a run that does not listen: it is left behind, and a line says so', async () => {
    const lines: string[] = [];
    const told = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
    let go = (): void => undefined;
    const deaf = newQueue({ log: told, drainMs: 200 });
    let runs = 0;
    deaf.schedule('deaf', { everyMs: 60_000 }, () => {
      runs += 1;
      return new Promise((resolve) => (go = resolve));
    });
    await deaf.start();
    await until(() => runs > 0);
    await deaf.stop();
    const said = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
    // Of the connection only where it is slow to close.
    expect(said.filter((line) => line !== 'the queue connection is left as it is')).toEqual([
      'jobs still run; they are told to stop',
      'the queue worker is left as it is',
    ]);
    go();
  });

  test('another interval takes the place of the old one', async () => {
    const hourly = newQueue();
    hourly.schedule('count', { everyMs: 3_600_000 }, async () => undefined);
    await hourly.start();
    await sleep(EVERY_MS);
    await hourly.stop();

    const often = newQueue();
    let runs = 0;
    often.schedule('count', { everyMs: EVERY_MS }, async () => void runs++);
    await often.start();
    await until(() => runs >= 3);
  });
}

test('a store that does not answer keeps nobody who adds a job waiting', async () => {
  const backend = await onPostgres();
  const queue = new JobQueue({ log, ...backend.options, askMs: 300, drainMs: 300 });
  await queue.start();
  await backend.whileLocked(async () => {
    await expect(queue.add([{ id: 'one', data: {} }])).rejects.toThrow('no answer within 300 ms');
  });
  await queue.stop();
  await backend.close();
});

test('a connection that PostgreSQL ends while BullMQ has it between two questions ends nothing else', async () => {
  const backend = await onPostgres();
  const queue = openQueue({ kind: 'postgres', login: backend.options.postgres ?? {}, schema: 'bullmq' }, 'lent');
  const { pool } = (queue as unknown as { backend: { connection: { pool: Pool } } }).backend.connection;
  queue.on('error', () => undefined);
  const lent = await pool.connect();
  const ended = new Promise((resolve) => lent.once('end', resolve));
  await backend.lose.connections();
  await ended;
  await expect(lent.query('select 1')).rejects.toThrow('connection error');
  lent.release(true);
  await queue.close();
  await backend.close();
});

test('a queue that cannot be reached does not start', async () => {
  const queue = new JobQueue({ log, postgres: { connectionString: 'postgres://nobody:x@127.0.0.1:1/nothing' } });
  await expect(queue.start()).rejects.toThrow('ECONNREFUSED');
  expect(queue.health().ready).toBe(false);
});

test('names that BullMQ would take apart, or two of the same, are refused', () => {
  const queue = new JobQueue({ log, postgres: {} });
  queue.schedule('sweep', { everyMs: 1_000 }, untilAborted);
  for (const name of ['a:b', '1', '', 'sweep']) {
    expect(() => queue.schedule(name, { everyMs: 1_000 }, untilAborted)).toThrow(/job/);
  }
});

/** As the application would: its own role, which owns the schema and may make none. */
async function onPostgres(): Promise<Backend & { whileLocked(act: () => Promise<void>): Promise<void> }> {
  const database = await cloneDatabase();
  const client = new Client({ connectionString: database.adminUrl });
  await client.connect();
  const others = 'datname = current_database() and pid <> pg_backend_pid()';
  return {
    options: { postgres: loginAs(database.address, SERVICE_ROLES.queue, database.password) },
    lose: {
      schedules: async () => {
        const { rows } = await client.query<{ name: string }>(
          `select format('bullmq.%I', tablename) as name from pg_tables where schemaname = 'bullmq' and tablename <> 'migration'`,
        );
        await untilNoDeadlock(() => client.query(`truncate ${rows.map(({ name }) => name).join(', ')}`));
      },
      everything: () =>
        untilNoDeadlock(() =>
          client.query('drop schema bullmq cascade; create schema bullmq authorization chancery_queue'),
        ),
      connections: () => client.query(`select pg_terminate_backend(pid) from pg_stat_activity where ${others}`),
    },
    whileLocked: async (act) => {
      await client.query('begin; lock table bullmq.job in access exclusive mode');
      await act();
      await client.query('rollback');
    },
    close: async () => {
      await client.end();
      await database.drop();
    },
  };
}

async function onRedis(url: string): Promise<Backend> {
  const client = new Redis(url);
  await client.flushall();
  return {
    options: { redisUrl: url },
    lose: {
      schedules: async () => client.del(...(await client.keys('*:repeat*'))),
      everything: () => client.flushall(),
      connections: () => client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
    },
    close: async () => void (await client.quit()),
  };
}

/** A worker at work locks the same tables in another order. */
async function untilNoDeadlock(act: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      return void (await act());
    } catch (error) {
      if ((error as { code?: string }).code !== '40P01') throw error;
    }
  }
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !condition(); await sleep(20)) {
    if (Date.now() > end) throw new Error('waited in vain');
  }
}
