import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { ProblemError } from '../../src/platform/http/problem.js';
import { tenantRole } from '../../src/platform/database/roles.js';
import { type PooledConnection, type PoolLimits, TenantPools } from '../../src/platform/database/tenant-pools.js';
import {
  asSuperuser,
  cloneDatabase,
  openDatabase,
  type OpenDatabase,
  TEST_POOL_LIMITS,
  type TestDatabase,
} from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { newTenant } from '../support/tenants.js';

jest.setTimeout(60_000);

let database: TestDatabase;
let a: string;
let b: string;
let c: string;
const opened: OpenDatabase[] = [];
beforeAll(async () => {
  database = await cloneDatabase();
  const open = openDatabase(database);
  [a, b, c] = [await newTenant(database, open), await newTenant(database, open), await newTenant(database, open)];
  await open.close();
});
afterEach(async () => {
  for (const open of opened.splice(0)) await open.close();
});
afterAll(() => database?.drop());

const WAIT_MS = 200;
function pools(limits: Partial<PoolLimits> = {}): OpenDatabase {
  const open = openDatabase(database, { waitMs: WAIT_MS, ...limits });
  opened.push(open);
  return open;
}
const pid = async (connection: PooledConnection): Promise<number> =>
  (await connection.client.query<{ pid: number }>('select pg_backend_pid() pid')).rows[0]?.pid ?? 0;
const refusal = (promise: Promise<PooledConnection>): Promise<unknown> =>
  promise.then(
    (connection) => {
      connection.release();
      return 'a connection';
    },
    (error: unknown) =>
      error instanceof ProblemError && [error.spec.status, error.spec.code, error.spec.headers?.['Retry-After']],
  );
const OVER_CAPACITY = [503, 'over_capacity', '1'];
const sessionsOf = (admin: Client, tenant: string): Promise<number> =>
  admin
    .query('select from pg_stat_activity where usename = $1 and datname = current_database()', [tenantRole(tenant)])
    .then((result) => result.rowCount ?? 0);

test('P5: no connection ever serves two tenants', async () => {
  const open = pools({ totalMax: 4, controlReserve: 1, waitMs: 60_000 });
  const servedBy = new Map<number, Set<string>>();
  const use = async (tenant: string): Promise<void> => {
    await open.tenants.inTenant(tenant, async (tx) => {
      const { rows } = await tx.client.query<{ pid: number; who: string }>(
        'select pg_backend_pid() pid, session_user::text who',
      );
      expect(rows[0]?.who).toBe(tenantRole(tenant));
      servedBy.set(rows[0]?.pid ?? 0, (servedBy.get(rows[0]?.pid ?? 0) ?? new Set()).add(tenant));
    });
  };
  await Promise.all(Array.from({ length: 300 }, (_, i) => use([a, b, c][(i * 7 + Math.floor(i / 11)) % 3] as string)));
  expect(servedBy.size).toBeGreaterThan(3);
  expect([...servedBy.values()].map((tenants) => tenants.size)).toEqual([...servedBy.values()].map(() => 1));
});

test('P20: a tenant’s lanes do not stand in each other’s way, and a full one answers 503 in time', async () => {
  const { pools: pool } = pools();
  const held = [await pool.acquire(a, 'general'), await pool.acquire(a, 'general')];
  const started = Date.now();
  expect(await refusal(pool.acquire(a, 'general'))).toEqual(OVER_CAPACITY);
  expect(Date.now() - started).toBeGreaterThanOrEqual(WAIT_MS - 10);
  expect(Date.now() - started).toBeLessThan(10_000);
  for (const lane of ['commit', 'control'] as const) expect(await refusal(pool.acquire(a, lane))).toBe('a connection');
  expect(await refusal(pool.acquire(b, 'general'))).toBe('a connection');
  const waiting = pool.acquire(a, 'general');
  held[0]?.release();
  expect(await refusal(waiting)).toBe('a connection');
  held[1]?.release();
});

test('P20: waiters are counted', async () => {
  const { pools: pool } = pools({ waitersMax: 1, waitMs: 600_000 });
  const held = await pool.acquire(a, 'commit');
  const first = refusal(pool.acquire(a, 'commit'));
  expect(await refusal(pool.acquire(a, 'commit'))).toEqual(OVER_CAPACITY); // and not when its time is over
  held.release();
  expect(await first).toBe('a connection');
});

test('P4: control acts have connections kept for them, whatever else the tenants do', async () => {
  const { pools: pool } = pools({ totalMax: 4, controlReserve: 2 });
  // Idle connections of control acts must not turn into room for anybody else.
  for (const tenant of [a, b]) (await pool.acquire(tenant, 'control')).release();
  const held = [await pool.acquire(a, 'general'), await pool.acquire(b, 'general')];
  expect(await refusal(pool.acquire(c, 'general'))).toEqual(OVER_CAPACITY);
  expect(pool.openCount).toBe(4);
  // The first is idle, the second takes the place of b's; the other way round it would wait for the end of its own.
  const control = await Promise.all([pool.acquire(a, 'control'), pool.acquire(c, 'control')]);
  expect(await refusal(pool.acquire(b, 'control'))).toEqual(OVER_CAPACITY); // everything there is, is in use
  for (const connection of [...control, ...held]) connection.release();
});

test('P20: at the cap the least recently used idle connection makes room, and the cap holds on the server', async () => {
  const { pools: pool } = pools({ totalMax: 3, controlReserve: 1 });
  await asSuperuser(database.adminUrl, async (admin) => {
    const sessions = async () => [await sessionsOf(admin, a), await sessionsOf(admin, b), await sessionsOf(admin, c)];
    const are = (...wanted: number[]) => eventually(sessions, (now) => now.join() === wanted.join());
    await are(0, 0, 0); // those of other tests have ended
    (await pool.acquire(a, 'general')).release();
    await sleep(5);
    (await pool.acquire(b, 'general')).release();
    await sleep(5);
    (await pool.acquire(a, 'general')).release(); // now b's is the older one
    (await pool.acquire(c, 'general')).release();
    expect(pool.openCount).toBe(2);
    await are(1, 0, 1);
  });
});

test('P20: connections are opened at a bounded rate; control acts are not held up by it', async () => {
  const { pools: pool } = pools({ opensPerSecond: 4, waitMs: 60_000 });
  const started = Date.now();
  const held = await Promise.all([a, a, b, b, c, c].map((tenant) => pool.acquire(tenant, 'general')));
  expect(Date.now() - started).toBeGreaterThan(400); // four at once, two more at 250 ms each
  expect(Date.now() - started).toBeLessThan(4_500); // sooner than by the sweep, which also looks who waits
  for (const connection of held) connection.release();

  // By a clock that stands still nothing more is opened, but for control acts.
  const limits = { ...TEST_POOL_LIMITS, opensPerSecond: 1, waitMs: 60_000 };
  const still = new TenantPools(database.address, database.password, limits, () => 0);
  expect(await refusal(still.acquire(a, 'general'))).toBe('a connection');
  const second = refusal(still.acquire(b, 'general'));
  expect(await refusal(still.acquire(a, 'control'))).toBe('a connection');
  expect(still.waiting).toBe(1);
  await still.close();
  expect(await second).toEqual(OVER_CAPACITY);
});

test('a connection that broke, while idle or in use, is never lent again', async () => {
  const { pools: pool } = pools();
  await asSuperuser(database.adminUrl, async (admin) => {
    const inUse = await pool.acquire(a, 'commit');
    const first = await pid(inUse);
    const ended = new Promise((resolve) => inUse.client.once('end', resolve));
    await admin.query('select pg_terminate_backend($1)', [first]);
    await expect(inUse.client.query('select 1')).rejects.toThrow(/terminat|not queryable|ECONNRESET|EPIPE/);
    await ended;
    inUse.release();
    const again = await pool.acquire(a, 'commit');
    const second = await pid(again);
    expect(second).not.toBe(first);
    again.release();
    await admin.query('select pg_terminate_backend($1)', [second]);
    while (pool.openCount > 0) await sleep(5);
    const third = await pool.acquire(a, 'commit');
    expect(await pid(third)).not.toBe(second);
    third.release();
  });
});

test('idle and old connections are closed', async () => {
  let now = 0;
  const pool = new TenantPools(
    database.address,
    database.password,
    { ...TEST_POOL_LIMITS, lifetimeMs: 1_000 },
    () => now,
  );
  const connection = await pool.acquire(a, 'commit');
  now = 1_001;
  connection.release();
  while (pool.openCount > 0) await sleep(5);
  await pool.close();
  expect(await refusal(pool.acquire(a, 'commit'))).toEqual(OVER_CAPACITY);
});

test('a tenant without a login, and a server that is not there, are told apart', async () => {
  const { tenants } = pools();
  await expect(tenants.inTenant('0190ffff-ffff-7fff-bfff-ffffffffffff', async () => 1)).rejects.toMatchObject({
    code: '28P01',
  });
  const gone = openDatabase({ address: { ...database.address, port: 1 }, password: database.password });
  opened.push(gone);
  await expect(gone.tenants.inTenant(a, async () => 1)).rejects.toMatchObject({
    spec: { code: 'database_unavailable' },
  });
});

test('P14: a transaction whose failed statement was swallowed is not reported as committed', async () => {
  const { tenants } = pools();
  const swallow = tenants.inTenant(a, async (tx) => {
    await tx.client.query('select 1 / 0').catch(() => undefined);
    return 'done';
  });
  await expect(swallow).rejects.toThrow('rolled back');
  expect(await tenants.inTenant(a, async () => 'works')).toBe('works');
});

test('P14: a commit whose answer never came is not reported as undone', async () => {
  const { tenants } = pools();
  const cut = tenants.inTenant(a, async (tx) => {
    const query = tx.client.query.bind(tx.client);
    (tx.client as { query: unknown }).query = (text: string) => {
      const sent = query(text);
      (tx.client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
      return sent;
    };
  });
  await expect(cut).rejects.toMatchObject({
    spec: { code: 'database_unavailable', detail: expect.stringContaining('not known') },
  });
});
