import { readHead } from '../../src/audit/audit.repository.js';
import { newUuid } from '../../src/platform/ids.js';
import { type OpenAudit, openAudit } from '../support/audit.js';
import { entriesOf, verdictOn } from '../support/chain-check.js';
import { asSuperuser } from '../support/database.js';
import { newTenant } from '../support/tenants.js';

jest.setTimeout(60_000);

let audit: OpenAudit;
let tenant: string;
beforeAll(async () => {
  audit = await openAudit();
});
beforeEach(async () => {
  audit.clock.aheadMs = 0;
  audit.clock.stop();
  tenant = await newTenant(audit.database, audit.open);
});
afterEach(async () => {
  expect(await verdictOn(audit.open, tenant)).toMatchObject({ verdict: 'ok' });
});
afterAll(() => audit?.close());

const intent = (inMs: number, boot?: string) =>
  audit.append(tenant, {
    action: 'credential.use',
    outcome: 'intent',
    details: {
      deadline: new Date(audit.clock.now() + inMs).toISOString(),
      ...(boot === undefined ? {} : { boot }),
    },
  });
const outcome = (seq: number) =>
  audit.append(tenant, { action: 'credential.use.outcome', outcome: 'success', details: { intent: seq } });
const unknowns = async (): Promise<unknown[]> =>
  (await entriesOf(audit.open, tenant))
    .filter(({ entry }) => entry.outcome === 'unknown')
    .map(({ entry }) => [entry.actor, entry.action, entry.details]);
const head = () =>
  asSuperuser(audit.database.adminUrl, async (admin) => {
    const { rows } = await admin.query('select seq, epoch, swept_seq from chancery.chain_head where tenant_id = $1', [
      tenant,
    ]);
    return rows[0] as { seq: string; epoch: string; swept_seq: string };
  });
const marked = (seq: number) => ['system:sweep', 'credential.use.outcome', { intent: seq }];

test('P3: an intent a minute past its deadline without an outcome reads unknown, once', async () => {
  const first = await intent(5_000);
  const second = await intent(5_000);
  await outcome(second.seq);
  const third = await intent(300_000);
  audit.clock.aheadMs = 64_999;
  await audit.sweep.execute();
  expect(await unknowns()).toEqual([]);
  audit.clock.aheadMs = 65_001;
  await audit.sweep.execute();
  await audit.sweep.execute();
  expect(await unknowns()).toEqual([marked(first.seq)]);
  expect(await head()).toMatchObject({ swept_seq: String(third.seq - 1), epoch: '0' });
  await outcome(third.seq);
  await audit.sweep.execute();
  const { seq, swept_seq: swept } = await head();
  expect(swept).toBe(seq);
  expect(await unknowns()).toHaveLength(1);
});

test('P3: an intent of a node that is gone for a minute reads unknown, however far its deadline is', async () => {
  const [alive, dead] = [newUuid(), newUuid()];
  audit.liveNodes.add(alive).add(dead);
  const theirs = await intent(900_000, dead);
  await intent(900_000, alive);
  const sweepAt = async (aheadMs: number): Promise<unknown[]> => {
    audit.clock.aheadMs = aheadMs;
    await audit.sweep.execute();
    return unknowns();
  };
  expect(await sweepAt(60_000)).toEqual([]);
  audit.liveNodes.delete(dead);
  expect(await sweepAt(70_000)).toEqual([]);
  expect(await sweepAt(129_000)).toEqual([]);
  expect(await sweepAt(131_000)).toEqual([marked(theirs.seq)]);
});

test('P3: a node that was away for a moment is not taken for gone later', async () => {
  const boot = newUuid();
  await intent(900_000, boot);
  await audit.sweep.execute();
  audit.liveNodes.add(boot);
  audit.clock.aheadMs = 61_000;
  await audit.sweep.execute();
  audit.liveNodes.delete(boot);
  audit.clock.aheadMs = 122_000;
  await audit.sweep.execute();
  expect(await unknowns()).toEqual([]);
});

test('P3: more intents than one page, and more than one act, are all marked', async () => {
  await audit.acts.run(tenant, async ({ chain }) => {
    for (let i = 0; i < 1_100; i += 1) {
      await chain.append({
        actor: 'a',
        action: 'credential.use',
        outcome: 'intent',
        details: { deadline: '2020-01-01T00:00:00.000Z' },
      });
    }
  });
  expect(await audit.sweep.execute()).toBe(1_100);
  expect(new Set((await unknowns()).map((entry) => JSON.stringify(entry))).size).toBe(1_100);
  expect(await audit.sweep.execute()).toBe(0);
});

test('P3: two sweeps at once mark an intent once', async () => {
  await intent(-120_000);
  const counts = await Promise.all([audit.sweep.execute(), audit.sweep.execute(), audit.sweep.execute()]);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1);
  expect(await unknowns()).toHaveLength(1);
});

test('P3: an intent without a readable deadline is given up a quarter of an hour later', async () => {
  const { seq } = await audit.append(tenant, { action: 'x', outcome: 'intent', details: { deadline: 'soon' } });
  audit.clock.aheadMs = 15 * 60_000;
  await audit.sweep.execute();
  expect(await unknowns()).toEqual([]);
  audit.clock.aheadMs = 16 * 60_000 + 1_000;
  await audit.sweep.execute();
  expect(await unknowns()).toEqual([['system:sweep', 'x.outcome', { intent: seq }]]);
});

test('one tenant’s trouble does not keep the others from being swept', async () => {
  await intent(-120_000);
  const broken = await newTenant(audit.database, audit.open);
  await audit.append(broken);
  const inTenant = audit.open.tenants.inTenant.bind(audit.open.tenants);
  const spy = jest.spyOn(audit.open.tenants, 'inTenant').mockImplementation((id, ...rest) => {
    if (id === broken) return Promise.reject(new Error('trouble'));
    return inTenant(id, ...rest);
  });
  await audit.sweep.execute();
  spy.mockRestore();
  expect(await unknowns()).toHaveLength(1);
  expect(audit.logged).toContainEqual(expect.objectContaining({ msg: 'a chain could not be swept' }));
});

test('a sweep stops when it is told to', async () => {
  await intent(-120_000);
  await expect(audit.sweep.execute(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  expect(await audit.open.tenants.inTenant(tenant, (tx) => readHead(tx))).toMatchObject({ seq: 1 });
});
