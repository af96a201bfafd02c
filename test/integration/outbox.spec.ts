import { Redis } from 'ioredis';
import { pino } from 'pino';
import { loginAs } from '../../src/platform/database/database-address.js';
import { SERVICE_ROLES } from '../../src/platform/database/roles.js';
import { newUuid } from '../../src/platform/ids.js';
import { enqueue, finishJob, LeaseLostError, takeLease } from '../../src/platform/queue/outbox.js';
import { OutboxBacklog } from '../../src/platform/queue/outbox-backlog.js';
import { OutboxQueue } from '../../src/platform/queue/outbox-queue.js';
import { type OutboxHandler, OutboxWorker } from '../../src/platform/queue/outbox-worker.js';
import { asSuperuser, cloneDatabase, openDatabase, type OpenDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { MortalRedis, REDIS_SERVER } from '../support/mortal-redis.js';
import { asRole, newTenant } from '../support/tenants.js';

jest.setTimeout(180_000);

const QUEUE = 'toy';
const WITHIN_MS = 60_000;
const log = pino({ level: 'silent' });

let database: TestDatabase;
let open: OpenDatabase;
let tenant: string;
beforeAll(async () => {
  database = await cloneDatabase();
  open = openDatabase(database);
});
beforeEach(async () => {
  tenant = await newTenant(database, open);
});
afterAll(async () => {
  await open?.close();
  await database?.drop();
});

/** Work that an act of a tenant leaves behind. */
async function ask(of = tenant, delayMs = 0): Promise<string> {
  const id = newUuid();
  await open.tenants.inTenant(of, (tx) => enqueue(tx, [{ id, queue: QUEUE, payload: { of }, delayMs }]));
  return id;
}

const isDone = async (id: string, of = tenant): Promise<boolean> =>
  open.tenants.inTenant(of, async (tx) => {
    const { rows } = await tx.client.query<{ done: boolean }>(
      'select done_at is not null as done from outbox where tenant_id = $1 and id = $2',
      [of, id],
    );
    return rows[0]?.done === true;
  });

const done = (id: string, of = tenant): Promise<boolean> => eventually(() => isDone(id, of), Boolean, WITHIN_MS);

describe('the table', () => {
  test('what was rolled back was never asked for', async () => {
    const id = newUuid();
    const act = open.tenants.inTenant(tenant, async (tx) => {
      await enqueue(tx, [{ id, queue: QUEUE, payload: {} }]);
      throw new Error('the act failed');
    });
    await expect(act).rejects.toThrow('the act failed');
    expect(await open.tenants.inTenant(tenant, (tx) => takeLease(tx, id, 1_000))).toBeUndefined();
  });

  test('a lease is one process’s, until it runs out; who comes back after that changes nothing', async () => {
    const id = await ask();
    const take = (leaseMs: number) => open.tenants.inTenant(tenant, (tx) => takeLease(tx, id, leaseMs));
    const paused = await take(3_600_000);
    expect([paused?.attempts, await take(1_000)]).toEqual([1, undefined]);
    await asSuperuser(database.adminUrl, (admin) =>
      admin.query("update chancery.outbox set lease_until = lease_until - interval '1 hour' where id = $1", [id]),
    );
    const second = (await take(60_000)) as NonNullable<typeof paused>;
    expect(second).toMatchObject({ attempts: 2, payload: { of: tenant } });
    const late = open.tenants.inTenant(tenant, (tx) => finishJob(tx, paused as typeof second));
    await expect(late).rejects.toThrow(LeaseLostError);
    expect(await isDone(id)).toBe(false);
    await open.tenants.inTenant(tenant, (tx) => finishJob(tx, second));
    expect(await isDone(id)).toBe(true);
  });

  test('what is not due is not given to anybody', async () => {
    const id = await ask(tenant, 60_000);
    expect(await open.tenants.inTenant(tenant, (tx) => takeLease(tx, id, 1_000))).toBeUndefined();
  });

  test('P5: the scheduler sees where something is due, and cannot read or change what it is', async () => {
    const id = await ask();
    await asRole(database, SERVICE_ROLES.scheduler, async (client) => {
      const { rows } = await client.query('select tenant_id, done_at from outbox where id = $1', [id]);
      expect(rows).toEqual([{ tenant_id: tenant, done_at: null }]);
      for (const sql of [
        'select payload from outbox',
        'select queue from outbox',
        'update outbox set done_at = now()',
        "update outbox set payload = '{}'",
        'delete from outbox',
        `insert into outbox values ('${tenant}', '${newUuid()}', 'toy', '{}', now())`,
      ]) {
        // Refused by the rights, or before that by the policy of who logged in, which is no tenant.
        await expect(client.query(sql)).rejects.toMatchObject({
          code: expect.stringMatching(/^(42501|22P02)$/) as string,
        });
      }
    });
  });

  test('the backlog is what is due and not done, of all tenants, and is asked for once in a while', async () => {
    const empty = () => asSuperuser(database.adminUrl, (admin) => admin.query('delete from chancery.outbox'));
    await empty();
    let nowMs = 0;
    const backlog = new OutboxBacklog(open.services, () => nowMs);
    expect(await backlog.read()).toEqual({ due: 0, oldest_seconds: 0 });
    await ask(tenant, 60_000);
    await ask(await newTenant(database, open), -90_000);
    const id = await ask();
    await open.tenants.inTenant(tenant, async (tx) => {
      const lease = await takeLease(tx, id, 1_000);
      if (lease !== undefined) await finishJob(tx, lease);
    });
    await ask();
    expect(await backlog.read()).toMatchObject({ due: 0 });
    nowMs += 5_000;
    const { due, oldest_seconds: oldest } = await backlog.read();
    expect(due).toBe(2);
    expect([oldest >= 90, oldest < 120]).toEqual([true, true]);
    await empty();
  });

  test('a handler that fails is asked again later, and one that took too long writes nothing', async () => {
    const id = await ask();
    const worker = new OutboxWorker(open.tenants, log);
    let asked = 0;
    worker.handle(QUEUE, async (work) => {
      if (++asked === 1) throw new Error('the first time');
      await asSuperuser(database.adminUrl, (admin) =>
        admin.query('update chancery.outbox set lease_token = gen_random_uuid() where id = $1', [id]),
      );
      await open.tenants.inTenant(tenant, (tx) => work.done(tx));
    });
    const run = () => worker.run({ tenantId: tenant, id }, new AbortController().signal);
    const dueAt = (): Promise<number> =>
      asSuperuser(database.adminUrl, async (admin) => {
        const sql = 'select extract(epoch from due_at)::float8 as seconds from chancery.outbox where id = $1';
        return (await admin.query<{ seconds: number }>(sql, [id])).rows[0]?.seconds ?? 0;
      });
    const makeDue = (at: string) =>
      asSuperuser(database.adminUrl, (admin) =>
        admin.query(`update chancery.outbox set due_at = ${at} where id = $1`, [id]),
      );
    const first = await dueAt();
    await run();
    expect(await dueAt()).toBeGreaterThanOrEqual(first + 1);
    await makeDue("due_at + interval '1 hour'"); // a second may be over before the next run
    await run();
    expect([asked, await isDone(id)]).toEqual([1, false]);
    await makeDue('now()');
    await run();
    expect([asked, await isDone(id)]).toEqual([2, false]);
  });
});

describe('on PostgreSQL', () => {
  relays(() => null);
});
(REDIS_SERVER ? describe : describe.skip)('on Redis', () => {
  let redis: MortalRedis;
  beforeAll(async () => {
    redis = await MortalRedis.start();
  });
  afterAll(() => redis?.close());
  relays(() => redis.url);
});

function relays(redis: () => string | null): void {
  const queues: OutboxQueue[] = [];
  const ran: string[] = [];
  const finish: OutboxHandler = async (work) => {
    ran.push(work.id);
    await open.tenants.inTenant(work.tenantId, (tx) => work.done(tx));
  };

  beforeEach(() => void ran.splice(0));
  afterEach(() => Promise.all(queues.splice(0).map((queue) => queue.stop())));

  async function start(handler: OutboxHandler = finish, lostAfterMs = 60_000): Promise<OutboxQueue> {
    const postgres = loginAs(database.address, SERVICE_ROLES.queue, database.password);
    const queue = new OutboxQueue({
      queue: { log, postgres, redisUrl: redis(), watchMs: 200, drainMs: 200 },
      relay: { everyMs: 50, lostAfterMs },
      database: open.tenants,
      services: open.services,
    });
    queues.push(queue);
    queue.handle(QUEUE, handler);
    await queue.start();
    return queue;
  }

  async function onRedis<T>(act: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(String(redis()));
    try {
      return await act(client);
    } finally {
      client.disconnect();
    }
  }

  /** Everything the queue holds is gone. */
  const loseQueue = (): Promise<unknown> =>
    redis() === null
      ? asSuperuser(database.adminUrl, async (admin) => {
          const { rows } = await admin.query<{ name: string }>(
            `select format('bullmq.%I', tablename) as name from pg_tables where schemaname = 'bullmq' and tablename <> 'migration'`,
          );
          await admin.query(`truncate ${rows.map(({ name }) => name).join(', ')}`);
        })
      : onRedis(async (client) => client.flushall());

  test('what commits is done, once, whichever of two processes does it', async () => {
    await Promise.all([start(), start()]);
    const ids = await Promise.all(Array.from({ length: 20 }, () => ask()));
    for (const id of ids) await done(id);
    expect(ran.filter((id) => ids.includes(id))).toHaveLength(ids.length);
  });

  test('P15: the queue loses everything between relay and work: that costs time, and no work', async () => {
    let crash: () => void = () => undefined;
    const crashed = new Promise<void>((resolve) => (crash = resolve));
    // A process that dies at work writes nothing, and its lease stays.
    const doomed = await start(() => crashed);
    const blocked = await Promise.all(Array.from({ length: 4 }, () => ask()));
    const taken = () =>
      asSuperuser(database.adminUrl, async (admin) => {
        const sql = 'select from chancery.outbox where tenant_id = $1 and lease_token is not null';
        return (await admin.query(sql, [tenant])).rowCount;
      });
    await eventually(taken, (count) => count === blocked.length);
    crash();
    await doomed.stop();
    await loseQueue();
    expect(await taken()).toBe(blocked.length);
    await asSuperuser(database.adminUrl, (admin) => admin.query('update chancery.outbox set lease_until = now()'));
    await start(finish, 500);
    for (const id of blocked) await done(id);
  });

  test('nobody’s backlog stands before another tenant’s first job', async () => {
    const other = await newTenant(database, open);
    const letGo: (() => void)[] = [];
    await start(async (work) => {
      if (work.tenantId === tenant) await new Promise<void>((resolve) => letGo.push(resolve));
      await finish(work);
    });
    const slow = await Promise.all(Array.from({ length: 100 }, () => ask()));
    await eventually(
      () => letGo.length,
      (count) => count === 16,
      WITHIN_MS,
    );
    const first = await ask(other);
    await done(first, other);
    expect([letGo.length, ran]).toEqual([16, [first]]);
    // Each that ends makes room for the next.
    await eventually(
      () => {
        letGo.splice(0).forEach((go) => go());
        return ran.length;
      },
      (count) => count === slow.length + 1,
      WITHIN_MS,
    );
  });
}
