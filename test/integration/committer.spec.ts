import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { entriesOf, verdictOn } from '../support/chain-check.js';
import { asSuperuser, cloneDatabase, openDatabase, type OpenDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { asTenant, newTenant } from '../support/tenants.js';
import { CommitCounts } from '../../src/audit/commit-counts.js';
import type { DecisionView } from '../../src/audit/decision.js';
import { leaveNote, newCommitter, pullBrake, type ToyPolicy, use, watched } from '../support/toy-policy.js';

jest.setTimeout(60_000);

let database: TestDatabase;
let open: OpenDatabase;
let other: OpenDatabase;
let tenant: string;
beforeAll(async () => {
  database = await cloneDatabase();
  [open, other] = [openDatabase(database), openDatabase(database)];
});
beforeEach(async () => {
  tenant = await newTenant(database, open);
});
afterEach(async () => {
  expect(await verdictOn(open, tenant)).toMatchObject({ verdict: 'ok', reason: null });
});
afterAll(async () => {
  await open?.close();
  await other?.close();
  await database?.drop();
});

const OVER_CAPACITY = { spec: { code: 'over_capacity', status: 503 } };
const jtisOf = async (): Promise<unknown[]> =>
  (await entriesOf(open, tenant))
    .filter(({ entry }) => entry.action === 'toy.use')
    .map(({ entry }) => entry.details.jti);

test('what arrives in one turn, or while a commit is in flight, goes out together', async () => {
  let swaps = 0;
  const committer = newCommitter(
    watched(open, (name) => void (swaps += name === 'audit-cas' ? 1 : 0)),
    tenant,
  );
  const results = await Promise.all(Array.from({ length: 300 }, () => committer.submit(use())));
  expect(results.map(({ ref }) => ref?.seq)).toEqual(results.map((_, i) => i + 1));
  expect(swaps).toBe(2); // the greatest batch, then the rest
  const entries = await entriesOf(open, tenant);
  expect(results.map(({ ref }) => ref?.hash)).toEqual(entries.map(({ hash }) => hash));
});

test('what nobody waits for goes with what comes next, before it; and if nothing comes, by itself', async () => {
  let swaps = 0;
  const committer = newCommitter(
    watched(open, (name) => void (swaps += name === 'audit-cas' ? 1 : 0)),
    tenant,
  );
  const patient = committer.submit(use(), { patienceMs: 750 });
  await new Promise((resolve) => setImmediate(resolve));
  const urgent = committer.submit(use());
  const places = await Promise.all([patient, urgent]);
  expect([swaps, ...places.map(({ ref }) => ref?.seq)]).toEqual([1, 1, 2]);
  expect((await committer.submit(use(), { patienceMs: 750 })).ref?.seq).toBe(3);
});

describe('how long that waits', () => {
  const waits: number[] = [];
  beforeEach(() => {
    waits.length = 0;
    const start = setTimeout;
    jest.spyOn(globalThis, 'setTimeout').mockImplementation((work: () => void, ms = 0, ...rest: []) => {
      if (ms === A_FEW_MS || ms === MANY_MS) waits.push(ms);
      return start(work, ms, ...rest);
    });
  });
  afterEach(() => jest.restoreAllMocks());
  // So long that it does not end by itself before the test goes on.
  const [A_FEW_MS, MANY_MS] = [60_000, 10];
  const patient = { patienceMs: A_FEW_MS };

  test('a few wait for the next; many only for those right behind them', async () => {
    const committer = newCommitter(open, tenant);
    const first = Array.from({ length: 3 }, () => committer.submit(use(), patient));
    await sleep(50);
    expect(waits).toEqual([A_FEW_MS]);
    const all = await Promise.all([...first, committer.submit(use(), patient)]);
    expect(all.map(({ ref }) => ref?.seq)).toEqual([1, 2, 3, 4]);
    expect(waits).toEqual([A_FEW_MS, MANY_MS]);
  });

  test('not at all for whoever asks for all there is, before the wait began or in it', async () => {
    const committer = newCommitter(open, tenant);
    const first = committer.submit(use(), patient);
    await committer.drained();
    expect([(await first).ref?.seq, ...waits]).toEqual([1]);
    const second = committer.submit(use(), patient);
    await sleep(50);
    await committer.drained();
    expect([(await second).ref?.seq, ...waits]).toEqual([2, A_FEW_MS]);
  });
});

test('P4: a use that was decided before a brake and lands after it is decided again', async () => {
  const committer = newCommitter(open, tenant);
  expect(await committer.submit(use())).toMatchObject({ result: 'allowed' });
  const brake = await pullBrake(other, tenant);
  expect(await committer.submit(use())).toMatchObject({ result: 'braked', ref: { seq: brake.seq + 1 } });
});

test('P4: a write to the policy that left no entry still makes a swap miss', async () => {
  const committer = newCommitter(open, tenant);
  await committer.submit(use());
  await asTenant(database, tenant, (client) =>
    client.query(
      `insert into brakes (tenant_id, id, scope, reason, activated_at, activated_by, activated_seq, activated_hash)
       values ($1, gen_random_uuid(), 'tenant', 'toy', now(), 'toy', 1, '')`,
      [tenant],
    ),
  );
  expect(await committer.submit(use())).toMatchObject({ result: 'braked', ref: { seq: 2 } });
});

test('P4: no use is sequenced after the brake that covers it', async () => {
  const committers = [newCommitter(open, tenant), newCommitter(other, tenant)];
  let pulled = false;
  let used = 0;
  const agents = Array.from({ length: 16 }, async (_, i) => {
    for (;;) {
      const last = pulled;
      await committers[i % 2]?.submit(use());
      used += 1;
      if (last) return;
    }
  });
  await eventually(
    () => used,
    (count) => count > 64,
  );
  const brake = await pullBrake(open, tenant);
  pulled = true;
  await Promise.all(agents);
  const entries = await entriesOf(open, tenant);
  const intents = entries.filter(({ entry }) => entry.outcome === 'intent').map(({ entry }) => entry.seq);
  expect(intents.length).toBeGreaterThan(16);
  expect(Math.max(...intents)).toBeLessThan(brake.seq);
  expect(entries.some(({ entry }) => entry.outcome === 'denied')).toBe(true);
});

test('P10: a proof that was used on one node is a replay on every other, and after a restart', async () => {
  const [here, there] = [newCommitter(open, tenant), newCommitter(other, tenant)];
  await here.submit(use());
  const jti = randomUUID();
  expect(await there.submit(use(jti))).toMatchObject({ result: 'allowed' });
  expect(await here.submit(use(jti))).toEqual({ result: 'replayed', ref: null });
  expect(await newCommitter(open, tenant).submit(use(jti))).toEqual({ result: 'replayed', ref: null });
});

test('P10: a cold start finds the proofs of many pages of entries', async () => {
  const jtis = Array.from({ length: 11_000 }, () => randomUUID());
  const warm = newCommitter(open, tenant);
  for (let i = 0; i < jtis.length; i += 2_000)
    await Promise.all(jtis.slice(i, i + 2_000).map((jti) => warm.submit(use(jti))));
  const cold = newCommitter(other, tenant);
  const again = [jtis[0], jtis[1], jtis[5_000], jtis[5_999], jtis[10_999]] as string[];
  for (const jti of again) expect(await cold.submit(use(jti))).toEqual({ result: 'replayed', ref: null });
  expect(await cold.submit(use())).toMatchObject({ result: 'allowed', ref: { seq: 11_001 } });
});

test('P20: a cold node counts a use that is under way since before all it reads back', async () => {
  const agoBy = (minutes: number) => {
    const ms = Date.now() - minutes * 60_000;
    return newCommitter(open, tenant, () => ms);
  };
  const details = { credential: 'crd_long', deadline: new Date(Date.now() + 300_000).toISOString() };
  const draft = { actor: 'agent:toy', action: 'toy.use', outcome: 'intent', details } as const;
  await agoBy(10).submit(() => ({ kind: 'entry', draft, result: undefined }));
  // More than a page, and older than what anything else needs: reading back ends with them.
  const later = agoBy(6);
  for (let page = 0; page < 2; page += 1) await Promise.all(Array.from({ length: 2_600 }, () => later.submit(use())));
  const counted = (view: DecisionView<ToyPolicy>) =>
    ({ kind: 'silent', result: view.uses.underWay('agent:toy') }) as const;
  expect(await newCommitter(other, tenant).submit(counted)).toEqual({ result: 1, ref: null });
});

test('P10: of the same proof many times at once, on two nodes, one is let through', async () => {
  const jti = randomUUID();
  const committers = [newCommitter(open, tenant), newCommitter(other, tenant)];
  const results = await Promise.all(Array.from({ length: 40 }, (_, i) => committers[i % 2]!.submit(use(jti))));
  expect(results.filter(({ result }) => result === 'allowed')).toHaveLength(1);
  expect(await jtisOf()).toEqual([jti]);
});

test('a lost swap spends no proof', async () => {
  const committer = newCommitter(open, tenant);
  await committer.submit(use());
  await leaveNote(other, tenant);
  expect(await committer.submit(use())).toMatchObject({ result: 'allowed', ref: { seq: 3 } });
});

test('after three losses the head is locked first', async () => {
  let swaps = 0;
  const disturbed = watched(open, async (name) => {
    if (name !== 'audit-cas') return;
    swaps += 1;
    await leaveNote(other, tenant);
  });
  const counts = new CommitCounts();
  const committer = newCommitter(disturbed, tenant, undefined, counts);
  expect(await committer.submit(use())).toMatchObject({ result: 'allowed', ref: { seq: 4 } });
  expect([swaps, counts.lost, counts.batches.count, counts.batches.sum]).toEqual([3, 3, 1, 1]);
});

test('a decision that misses something asks for a fresh policy, once', async () => {
  const committer = newCommitter(open, tenant);
  await committer.submit(use());
  const session = randomUUID();
  expect(await committer.submit(use(undefined, session))).toEqual({ result: 'unknown_session', ref: null });
  await asSuperuser(database.adminUrl, async (admin) => {
    await admin.query('set session_replication_role = replica');
    const values = [tenant, session];
    await admin.query(
      `insert into chancery.agent_sessions (tenant_id, id, agent_id, jkt, state, tier, created_at, expires_at)
       values ($1, $2, $2, 'jkt', 'active', 'NOVICE', now(), now())`,
      values,
    );
  });
  // A new session raises no epoch, so only the reload finds it.
  expect(await committer.submit(use(undefined, session))).toMatchObject({ result: 'allowed' });
});

test('what arrives while a policy is being loaded does not take that load for fresh', async () => {
  const session = randomUUID();
  const late: Promise<unknown>[] = [];
  const committer = newCommitter(
    watched(open, async (name) => {
      // The snapshot of the first load was taken; the session is made, and used, behind it.
      if (name !== 'commit' || late.length > 0) return;
      await asSuperuser(database.adminUrl, async (admin) => {
        await admin.query('set session_replication_role = replica');
        await admin.query(
          `insert into chancery.agent_sessions (tenant_id, id, agent_id, jkt, state, tier, created_at, expires_at)
           values ($1, $2, $2, 'jkt', 'active', 'NOVICE', now(), now())`,
          [tenant, session],
        );
      });
      late.push(committer.submit(use(undefined, session)));
    }),
    tenant,
  );
  await committer.submit(use());
  expect(await Promise.all(late)).toMatchObject([{ result: 'allowed' }]);
});

test('a silent verdict is returned only when the policy behind it is in force', async () => {
  const committer = newCommitter(open, tenant);
  const jti = randomUUID();
  await committer.submit(use());
  await newCommitter(other, tenant).submit(use(jti));
  let asked = 0;
  const { result } = await committer.submit<string>((view) => {
    asked += 1;
    return { kind: 'silent', result: view.seen(jti) ? 'seen' : 'not seen' };
  });
  expect([result, asked]).toEqual(['seen', 2]);
});

test('a decision that throws, or whose entry cannot be stored, fails alone', async () => {
  const committer = newCommitter(open, tenant);
  const draft = { actor: 'toy', action: 'toy.use', outcome: 'intent' };
  const fails = [
    committer.submit(() => {
      throw new Error('its own fault');
    }),
    committer.submit(() => ({ kind: 'entry', draft: { ...draft, details: { purpose: 'a\u0000b' } }, result: 1 })),
    committer.submit(() => ({ kind: 'entry', draft: { ...draft, details: { purpose: '\ud800' } }, result: 1 })),
    committer.submit(() => ({
      kind: 'entry',
      draft: { ...draft, details: { purpose: 'x'.repeat(70_000) } },
      result: 1,
    })),
  ];
  const good = committer.submit(() => ({
    kind: 'entry',
    draft: { ...draft, details: { purpose: 'a\\u0000b' } },
    result: 1,
  }));
  for (const failed of await Promise.allSettled(fails)) expect(failed.status).toBe('rejected');
  expect(await good).toMatchObject({ ref: { seq: 1 } });
});

test('after two seconds the answer is 503, and what lands late is acted on by nobody', async () => {
  const committer = newCommitter(open, tenant, Date.now);
  await committer.submit(use());
  await asTenant(database, tenant, async (holder) => {
    await holder.query('begin');
    await holder.query('select from chain_head where tenant_id = $1 for update', [tenant]);
    const started = Date.now();
    const late = [committer.submit(use()), committer.submit(use()), committer.submit(use())];
    for (const promise of late) await expect(promise).rejects.toMatchObject(OVER_CAPACITY);
    expect(Date.now() - started).toBeGreaterThanOrEqual(1_900);
    expect(Date.now() - started).toBeLessThan(10_000);
    await holder.query('rollback');
  });
  expect(await committer.submit(use())).toMatchObject({ result: 'allowed' });
});

test('a full queue refuses at once', async () => {
  const committer = newCommitter(open, tenant);
  const all = Array.from({ length: 4_200 }, () => committer.submit(use()));
  const refused = (await Promise.allSettled(all)).filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(4_200 - 4_096);
  expect(refused[0]).toMatchObject({ reason: OVER_CAPACITY });
});

test('drained: everything submitted before was answered, however much comes behind', async () => {
  const committer = newCommitter(open, tenant);
  let answered = 0;
  const before = Array.from({ length: 50 }, () => committer.submit(use()).then(() => (answered += 1)));
  const stream = { ends: false };
  const streaming = (async () => {
    while (!stream.ends) await committer.submit(use());
  })();
  await committer.drained();
  expect(answered).toBe(50);
  stream.ends = true;
  await Promise.all([...before, streaming]);
});

test('P14: two nodes under load keep one chain, and let no proof through twice', async () => {
  const committers = [newCommitter(open, tenant), newCommitter(other, tenant)];
  const proofs = Array.from({ length: 1_500 }, () => randomUUID());
  const allowed: string[] = [];
  let next = 0;
  const agent = async (node: number): Promise<void> => {
    for (let i = next++; i < proofs.length * 2; i = next++) {
      const jti = proofs[i % proofs.length] as string;
      const { result } = await committers[node]!.submit(use(jti));
      if (result === 'allowed') allowed.push(jti);
      if (i % 500 === 250) await leaveNote(open, tenant);
    }
  };
  await Promise.all(Array.from({ length: 64 }, (_, i) => agent(i % 2)));
  expect(allowed.sort()).toEqual([...proofs].sort());
  expect(await jtisOf()).toHaveLength(proofs.length);
  expect(new Set(await jtisOf())).toEqual(new Set(proofs));
});
