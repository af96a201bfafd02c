import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { Sandbox } from '../../packages/client/test/run-cli.js';
import { countNodesBehind } from '../../src/brakes/node-leases.repository.js';
import { LEASE_MS } from '../../src/brakes/node-lease.js';
import { readDatabaseAddress } from '../../src/platform/database/database-address.js';
import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';
import { type AppTenant, execute, expectStatus, UPSTREAM_URL } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import { asSuperuser } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { type Cast, Fleet, type FleetNode } from '../support/fleet/fleet.js';
import { signedIn } from '../support/identity.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

jest.setTimeout(240_000);

const reason = 'test';
const AGENTS_PER_NODE = 4;
/** At other moments of a call's way; each costs a lease. */
const PAUSED_AFTER_MS = process.env.CHANCERY_TEST_LONG === '1' ? [0, 2, 4, 8, 16, 24, 32, 40, 60, 80] : [0, 12];
/**
 * An answer that waits for a lease comes after it; one that waited until the node is forgotten would come after a minute. How
 * soon it comes is printed: on a machine with much else to do it says nothing.
 */
const RUN_OUT = { least: LEASE_MS - 100, most: LEASE_MS + 30_000 };
const WELL = 'every node well and under load';

let fleet: Fleet;
let near: FleetNode;
let far: FleetNode;
let tenant: AppTenant;
let casts: Cast[];
beforeAll(async () => {
  fleet = await Fleet.start(2);
  fleet.upstream.hangOn('/hang');
  [near, far] = fleet.nodes as [FleetNode, FleetNode];
  tenant = await fleet.newTenant(far);
  casts = [];
  for (const node of [near, far])
    for (let i = 0; i < AGENTS_PER_NODE; i += 1) casts.push(await fleet.cast(tenant, node));
});
/** How long the answers to global brakes took, by what stood in their way. */
const took = new Map<string, number[]>();
const note = (what: string, { tookMs }: { tookMs: number }): void => {
  took.set(what, [...(took.get(what) ?? []), Math.round(tookMs)]);
};
afterAll(() => {
  for (const [what, times] of took) process.stderr.write(`  global brake, ${what}: ${times.join(', ')} ms\n`);
  return fleet?.close();
});

const castOn = (node: FleetNode): Cast => casts[node === near ? 0 : AGENTS_PER_NODE] as Cast;
const onNear = (): readonly Cast[] => casts.slice(0, AGENTS_PER_NODE);

async function pull(node: FleetNode) {
  const startedAt = performance.now();
  const pulled = await node.staff<{ id: string; audit: { seq: number } }>('POST', '/v1/brakes', {
    scope: 'global',
    reason,
  });
  expectStatus(pulled, 201);
  return { ...pulled.body, seq: pulled.body.audit.seq, tookMs: performance.now() - startedAt };
}

/** How many of the nodes that an answer waits for have not said that they obeyed. */
const nodesBehind = (seq: number): Promise<number> =>
  fleet.open.tenants.inTenant(PLATFORM_TENANT_ID, ({ client }) => countNodesBehind(client, seq));

async function letGo(node: FleetNode, { id }: { id: string }): Promise<void> {
  const body = { reason, confirm: 'clear the global brake' };
  expectStatus(await node.staff('POST', `/v1/brakes/${id}/clear`, body), 200);
  for (const { agent, credential } of casts.filter((_, i) => i % AGENTS_PER_NODE === 0)) {
    await eventually(
      () => execute(agent, credential),
      ({ status }) => status === 200,
    );
  }
}

/** Agents that call as fast as they are answered, until told to stop. */
function traffic(of: readonly Cast[]) {
  const done = new AbortController();
  const statuses: number[] = [];
  const runs = of.map(async ({ agent, credential }) => {
    while (!done.signal.aborted) {
      const { status } = await execute(agent, credential, { url: `${UPSTREAM_URL}/${randomUUID()}` });
      statuses.push(status);
    }
  });
  const stop = async (): Promise<readonly number[]> => {
    done.abort();
    await Promise.all(runs);
    return statuses;
  };
  return { statuses, stop };
}

const usesOf = async () =>
  (await entriesOf(fleet.open, tenant.id))
    .map(({ entry }) => entry)
    .filter(({ action }) => action === 'credential.use');

/** Cut behind its commit; or its own two seconds to commit had run out before. */
const NOT_CARRIED_OUT = ['call_cut', 'over_capacity'];

/** Holds back whatever would move the tenant's chain, until it is let go of. */
async function holdChain() {
  const holder = new Client({ connectionString: fleet.database.adminUrl });
  await holder.connect();
  await holder.query('begin');
  await holder.query('select from chancery.chain_head where tenant_id = $1 for update', [tenant.id]);
  const countWaiting = () =>
    asSuperuser(fleet.database.adminUrl, async (observer) => {
      const { rowCount } = await observer.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'with cas%'",
      );
      return rowCount ?? 0;
    });
  const waiting = () => eventually(countWaiting, (count) => count > 0);
  const release = async (): Promise<void> => {
    await holder.query('commit');
    await holder.end();
  };
  return { waiting, release };
}

test('P4: the global brake is answered when every node has stopped: from then on no chain gets an intent', async () => {
  for (let round = 0; round < 3; round += 1) {
    const { statuses, stop } = traffic(casts);
    const hanging = casts.map(({ agent, credential }) => execute(agent, credential, { url: `${UPSTREAM_URL}/hang` }));
    await eventually(
      () => statuses.filter((status) => status === 200).length,
      (count) => count > 20,
    );
    const brake = await pull(far);
    const [seqAtAnswer, hangingAtAnswer] = [(await usesOf()).at(-1)?.seq ?? 0, fleet.upstream.hanging];
    note(WELL, brake);
    // They said so, and were not waited for in vain.
    expect(await nodesBehind(brake.seq)).toBe(0);
    await sleep(300);
    const called = fleet.upstream.received.length;
    await sleep(300);
    expect(fleet.upstream.received).toHaveLength(called);
    await stop();
    expect(hangingAtAnswer).toBe(0);
    expect((await Promise.all(hanging)).map(({ body }) => body.code)).toEqual(casts.map(() => 'call_cut'));
    const uses = await usesOf();
    const after = uses.filter(({ seq }) => seq > seqAtAnswer);
    expect(after.length).toBeGreaterThan(0);
    expect(new Set(after.map(({ outcome }) => outcome))).toEqual(new Set(['denied']));
    // What exports alone show: nobody decided to allow anything in knowledge of the brake.
    const intents = uses.filter(({ outcome }) => outcome === 'intent');
    expect(intents.filter(({ details }) => Number(details.platform_seq) >= brake.seq)).toEqual([]);
    await letGo(far, brake);
  }
  expect(Math.min(...(took.get(WELL) ?? []))).toBeLessThan(LEASE_MS);
});

test('P4: `chancery audit prove-brake` proves all of them from exports alone', async () => {
  const sandbox = new Sandbox();
  const files: string[] = [];
  const exportOf = async (base: string, tenantId: string, name: string): Promise<void> => {
    const headers = { authorization: `Bearer ${await signedIn(fleet, tenantId, 'owner')}` };
    const answer = await fetch(`${base}/v1/audit/export`, { headers });
    writeFileSync(path.join(sandbox.cwd, name), await answer.text());
    files.push('--file', name);
  };
  mkdirSync(sandbox.cwd, { recursive: true });
  await exportOf(near.process.at.ops, PLATFORM_TENANT_ID, 'platform');
  await exportOf(near.process.at.tenant, tenant.id, 'tenant');
  const { body } = await far.staff<{ data: { id: string }[] }>('GET', '/v1/brakes');
  expect(body.data.length).toBeGreaterThan(0);
  for (const { id } of body.data) {
    const ran = await sandbox.run(['audit', 'prove-brake', id, '--json', ...files]);
    expect(ran.json()).toMatchObject({ verdict: 'proven', scope: 'global', until: expect.any(Number) });
    expect(ran.code).toBe(0);
  }
});

test('P4: a use whose commit was on its way when the brake was pulled is not carried out', async () => {
  const { agent, credential } = castOn(near);
  const called = fleet.upstream.received.length;
  const chain = await holdChain();
  const answer = execute(agent, credential);
  await chain.waiting();
  const pulling = pull(far);
  await sleep(300);
  await chain.release();
  const brake = await pulling;
  expect(brake.tookMs).toBeGreaterThan(250);
  const { status, body } = await answer;
  expect(status).toBe(503);
  expect(NOT_CARRIED_OUT).toContain(body.code);
  expect(fleet.upstream.received).toHaveLength(called);
  await letGo(far, brake);
});

test('P4: a stopped node cannot break the global brake: the answer waits for its lease, and it wakes up to nothing', async () => {
  for (const beforeMs of PAUSED_AFTER_MS) {
    const { stop } = traffic(onNear());
    await sleep(200 + beforeMs);
    near.process.pause();
    const brake = await pull(far);
    note('one node stopped', brake);
    expect(brake.tookMs).toBeGreaterThan(RUN_OUT.least);
    expect(brake.tookMs).toBeLessThan(RUN_OUT.most);
    const called = fleet.upstream.received.length;
    near.process.resume();
    await sleep(700);
    await stop();
    expect(fleet.upstream.received).toHaveLength(called);
    await letGo(far, brake);
  }
});

test('P4: an intent that commits while its node is stopped and the brake is on is not carried out', async () => {
  const { agent, credential } = castOn(near);
  const intents = async () => (await usesOf()).filter(({ outcome }) => outcome === 'intent');
  const before = (await intents()).length;
  const chain = await holdChain();
  const answer = execute(agent, credential);
  await chain.waiting();
  near.process.pause();
  const brake = await pull(far);
  await chain.release();
  const [intent] = (await eventually(intents, (found) => found.length === before + 1)).slice(-1);
  expect(Number(intent?.details.platform_seq)).toBeLessThan(brake.seq);
  const called = fleet.upstream.received.length;
  near.process.resume();
  const { status, body } = await answer;
  expect(status).toBe(503);
  expect(NOT_CARRIED_OUT).toContain(body.code);
  expect(fleet.upstream.received).toHaveLength(called);
  await letGo(far, brake);
});

test('P4: a node that lost the database admits nothing, cuts its calls, and comes back by itself', async () => {
  const { host, port } = readDatabaseAddress(fleet.database.adminUrl);
  let isCut = false;
  const line = await startTcpProxy({ host, port }, () => (isCut ? 'lose' : 'pass'));
  const { pathname } = new URL(fleet.database.adminUrl);
  const island = await fleet.join({ DATABASE_URL: `postgresql://127.0.0.1:${line.port}${pathname}` });
  const it = await fleet.cast(tenant, island);
  const hanging = execute(it.agent, it.credential, { url: `${UPSTREAM_URL}/hang` });
  await eventually(
    () => fleet.upstream.hanging,
    (count) => count === 1,
  );
  isCut = true;
  const cutOffAt = performance.now();
  const brake = await pull(far);
  expect(brake.tookMs).toBeGreaterThan(RUN_OUT.least);
  expect(await hanging).toMatchObject({ status: 503, body: { code: 'call_cut', detail: /lease_lost/ } });
  expect(performance.now() - cutOffAt).toBeLessThan(RUN_OUT.most);
  expect((await execute(it.agent, it.credential)).status).toBe(503);
  isCut = false;
  await eventually(
    () => execute(it.agent, it.credential),
    ({ body }) => body.code === 'brake_active',
  );
  await letGo(far, brake);
  await eventually(
    () => execute(it.agent, it.credential),
    ({ status }) => status === 200,
  );
  await island.process.end('SIGTERM');
  line.close();
});

test('P7: a seal on one node seals every node, also when the node it is asked of is sealed already', async () => {
  const state = async ({ staff }: FleetNode) => (await staff<{ state: string }>('GET', '/v1/vault')).body.state;
  const seal = ({ staff }: FleetNode) => staff('POST', '/v1/vault/seal', { reason });
  expectStatus(await seal(far), 200);
  expect([await state(near), await state(far)]).toEqual(['sealed', 'sealed']);
  await fleet.unseal(near);
  expect([await state(near), await state(far)]).toEqual(['unsealed', 'sealed']);
  expectStatus(await seal(far), 200);
  expect(await state(near)).toBe('sealed');
  const { agent, credential } = castOn(near);
  expect((await execute(agent, credential)).body.code).toBe('vault_sealed');
  for (const node of [near, far]) await fleet.unseal(node);
  await sleep(1_200); // a seal that was obeyed is not obeyed again
  expect([await state(near), await state(far)]).toEqual(['unsealed', 'unsealed']);
  const platform = await entriesOf(fleet.open, PLATFORM_TENANT_ID);
  expect(platform.filter(({ entry }) => entry.action === 'vault.seal')).toHaveLength(2);
});

test('P4: a node that ended in order is not waited for, one that was killed is waited for by its lease', async () => {
  const third = await fleet.join();
  await third.process.end('SIGTERM');
  const first = await pull(far);
  note('one node ended in order', first);
  expect(await nodesBehind(first.seq)).toBe(0);
  await letGo(far, first);
  const fourth = await fleet.join();
  await fourth.process.end('SIGKILL');
  const second = await pull(far);
  note('one node killed', second);
  expect(await nodesBehind(second.seq)).toBe(1);
  expect(second.tookMs).toBeGreaterThan(RUN_OUT.least);
  expect(second.tookMs).toBeLessThan(RUN_OUT.most);
  await letGo(far, second);
});
