import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { tenantRole } from '../../src/platform/database/roles.js';
import { entriesOf, verdictOn } from '../support/chain-check.js';
import { asSuperuser, cloneDatabase, openDatabase, type OpenDatabase, type TestDatabase } from '../support/database.js';
import { type Fate, startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { asTenant, newTenant } from '../support/tenants.js';
import { newCommitter, pullBrake, use } from '../support/toy-policy.js';

jest.setTimeout(60_000);

let database: TestDatabase;
let open: OpenDatabase;
let tenant: string;
let proxy: TcpProxy;
let throughProxy: OpenDatabase;
let fate: (sent: Buffer) => Fate = () => 'pass';
beforeAll(async () => {
  database = await cloneDatabase();
  open = openDatabase(database);
  proxy = await startTcpProxy(database.address, (sent) => fate(sent));
  throughProxy = openDatabase({ address: { ...database.address, port: proxy.port }, password: database.password });
});
beforeEach(async () => {
  fate = () => 'pass';
  tenant = await newTenant(database, open);
});
afterEach(async () => {
  expect(await verdictOn(open, tenant)).toMatchObject({ verdict: 'ok', reason: null });
});
afterAll(async () => {
  await throughProxy?.close();
  proxy?.close();
  await open?.close();
  await database?.drop();
});

const SWAP = 'update chain_head set seq = $2::bigint';
/** Does something to the first piece that holds the text, once. */
const once = (text: string, what: Fate, then: (sent: Buffer) => Fate = () => 'pass') => {
  let done = false;
  return (sent: Buffer): Fate => {
    if (done || !sent.includes(text)) return done ? then(sent) : 'pass';
    done = true;
    return what;
  };
};
const usesIn = async (tenantId: string): Promise<unknown[]> =>
  (await entriesOf(open, tenantId))
    .filter(({ entry }) => entry.action === 'toy.use')
    .map(({ entry }) => entry.details.jti);

test('P14: a batch whose answer was lost is found in the chain and answered once', async () => {
  const jtis = [randomUUID(), randomUUID(), randomUUID()];
  fate = once(SWAP, 'lose_answer');
  const committer = newCommitter(throughProxy, tenant);
  const results = await Promise.all(jtis.map((jti) => committer.submit(use(jti))));
  expect(results).toMatchObject([{ ref: { seq: 1 } }, { ref: { seq: 2 } }, { ref: { seq: 3 } }]);
  expect(results.map(({ result }) => result)).toEqual(['allowed', 'allowed', 'allowed']);
  expect(await usesIn(tenant)).toEqual(jtis);
});

test('P14: a batch that never reached the server is decided again, under the policy of then', async () => {
  const committer = newCommitter(throughProxy, tenant);
  await committer.submit(use()); // the statement is prepared now: what is cut below is its execution
  let cut = false;
  let pulled: Promise<unknown> | undefined;
  fate = (sent) => {
    if (cut || !sent.includes('audit-cas')) return 'pass';
    cut = true;
    pulled = pullBrake(open, tenant);
    return 'lose';
  };
  const jti = randomUUID();
  const { result } = await committer.submit(use(jti));
  expect(cut).toBe(true);
  expect(['allowed', 'braked']).toContain(result);
  expect(await usesIn(tenant)).toHaveLength(2);
  expect(await committer.submit(use(jti))).toEqual({ result: 'replayed', ref: null });
  await pulled;
});

test('P14: when the second look is lost too, in either direction, each use still stands once', async () => {
  for (const second of ['lose', 'lose_answer'] as const) {
    for (const first of ['lose', 'lose_answer'] as const) {
      const id = await newTenant(database, open);
      fate = once(SWAP, first, once('commit\0', second));
      const jtis = [randomUUID(), randomUUID()];
      const committer = newCommitter(throughProxy, id);
      const results = await Promise.all(jtis.map((jti) => committer.submit(use(jti))));
      expect([first, second, results.map(({ result }) => result)]).toEqual([first, second, ['allowed', 'allowed']]);
      expect(new Set(await usesIn(id))).toEqual(new Set(jtis));
      expect(await usesIn(id)).toHaveLength(jtis.length);
      expect(await verdictOn(open, id)).toMatchObject({ verdict: 'ok' });
    }
  }
});

test('P14: a batch that lands after its second look was lost too is found by the third', async () => {
  const committer = newCommitter(throughProxy, tenant);
  await committer.submit(use());
  fate = once('audit-cas', 'strand', (sent) => {
    if (!sent.includes('commit\0')) return 'pass';
    fate = () => 'pass';
    proxy.deliver(); // waits for the head until the second look is rolled back, and then finds it where it was
    return 'lose';
  });
  const jtis = [randomUUID(), randomUUID()];
  const results = await Promise.all(jtis.map((jti) => committer.submit(use(jti))));
  expect(results.map(({ result }) => result)).toEqual(['allowed', 'allowed']);
  expect(new Set((await usesIn(tenant)).slice(1))).toEqual(new Set(jtis));
});

test('P14: a backend that is terminated while it waits for the head leaves nothing behind', async () => {
  const committer = newCommitter(open, tenant);
  await committer.submit(use());
  const jti = randomUUID();
  await asTenant(database, tenant, async (holder) => {
    await holder.query('begin');
    await holder.query('select from chain_head where tenant_id = $1 for update', [tenant]);
    const waiting = committer.submit(use(jti));
    await asSuperuser(database.adminUrl, async (admin) => {
      for (let killed = 0; killed === 0; await sleep(10)) {
        const { rowCount } = await admin.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where usename = $1 and wait_event_type = 'Lock'",
          [tenantRole(tenant)],
        );
        killed = rowCount ?? 0;
      }
    });
    await holder.query('rollback');
    expect(await waiting).toMatchObject({ result: 'allowed', ref: { seq: 2 } });
  });
  expect(await usesIn(tenant)).toHaveLength(2);
});

test('P14: while the database is away calls get 503, and go on when it is back', async () => {
  const committer = newCommitter(throughProxy, tenant, Date.now);
  await committer.submit(use());
  fate = () => 'lose';
  await expect(committer.submit(use())).rejects.toMatchObject({ spec: { status: 503 } });
  fate = () => 'pass';
  expect(await committer.submit(use())).toMatchObject({ result: 'allowed' });
});
