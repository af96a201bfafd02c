import { registerNode } from '../../src/brakes/node-leases.repository.js';
import { PlatformWatch } from '../../src/brakes/platform-watch.js';
import { LiveNodes } from '../../src/audit/live-nodes.js';
import { BootId } from '../../src/platform/boot-id.js';
import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';
import { Committers } from '../../src/audit/committers.js';
import { Sealing } from '../../src/credentials/sealing.js';
import { type AppTenant, execute, startApp, storeCredential, type TestApp, UPSTREAM_URL } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(300_000);

const SESSION_LEFT_MS = 1_500;

const upstream = new ScriptedUpstream();
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
beforeAll(async () => {
  app = await startApp({ upstream: upstream.listener });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'scribe');
  await storeCredential(tenant, 'key', 'sk-live-0123456789abcdef', { grantTo: [agent] });
});
afterEach(() => {
  lost?.mockRestore();
  upstream.letGo();
});
afterAll(() => app?.close());

let lost: jest.SpyInstance | undefined;
/** As if the process had been stopped at this moment, for longer than its lease. */
function loseLease(): void {
  lost = jest.spyOn(app.app.get(PlatformWatch), 'holdsLease', 'get').mockReturnValue(false);
}

async function uses() {
  const entries = (await entriesOf(app.open, tenant.id)).map(({ entry }) => entry);
  return entries.filter(({ action }) => action.startsWith('credential.use'));
}

/** An outcome is written a little later than its call is answered. */
const settled = () =>
  eventually(uses, (all) => all.length === 2 * all.filter(({ outcome }) => outcome === 'intent').length);

async function expectCut(from: number): Promise<void> {
  const found = await eventually(uses, (all) => all.length === from + 2);
  expect(found.slice(from)).toMatchObject([{ outcome: 'intent' }, { outcome: 'cut', details: { code: 'call_cut' } }]);
}

test('P4: a node whose lease runs out between the commit and the decryption decrypts nothing', async () => {
  const [before, called] = [(await settled()).length, upstream.received.length];
  const committer = app.app.get(Committers).of(tenant.id);
  const submit = committer.submit.bind(committer);
  jest.spyOn(committer, 'submit').mockImplementationOnce(async (decide) => {
    const committed = await submit(decide);
    loseLease();
    return committed;
  });
  const opened = jest.spyOn(app.app.get(Sealing, { strict: false }), 'open');
  expect(await execute(agent, 'key')).toMatchObject({ status: 503, body: { code: 'call_cut', detail: /lease_lost/ } });
  for (const { value } of opened.mock.results) await expect(value).rejects.toThrow('call cut');
  expect(upstream.received).toHaveLength(called);
  await expectCut(before);
});

test('P4: a node whose lease runs out while it connects sends nothing', async () => {
  const [before, called] = [(await settled()).length, upstream.received.length];
  const sealing = app.app.get(Sealing, { strict: false });
  const open = sealing.open.bind(sealing);
  jest.spyOn(sealing, 'open').mockImplementationOnce(async (...args) => {
    const secret = await open(...args);
    loseLease();
    return secret;
  });
  expect(await execute(agent, 'key')).toMatchObject({ status: 503, body: { code: 'call_cut', detail: /lease_lost/ } });
  expect(upstream.received).toHaveLength(called);
  await expectCut(before);
});

test('P4: an answer that comes when the lease is over is not handed on', async () => {
  const before = (await settled()).length;
  upstream.on('/late', (_, response) => {
    loseLease();
    response.end('{"late":true}');
  });
  const answer = await execute(agent, 'key', { url: `${UPSTREAM_URL}/late` });
  expect(answer).toMatchObject({ status: 503, body: { code: 'call_cut' } });
  expect(JSON.stringify(answer.body)).not.toContain('late":');
  await expectCut(before);
});

test('a node without a lease asks for one first, and then goes on', async () => {
  const watch = app.app.get(PlatformWatch);
  loseLease();
  const renew = watch.renewNow.bind(watch);
  jest.spyOn(watch, 'renewNow').mockImplementationOnce(async () => {
    await renew();
    lost?.mockRestore();
  });
  expect((await execute(agent, 'key')).status).toBe(200);
});

test('a node that cannot get one answers 503, and leaves no entry', async () => {
  const before = (await settled()).length;
  loseLease();
  expect(await execute(agent, 'key')).toMatchObject({ status: 503, body: { code: 'over_capacity' } });
  expect(await settled()).toHaveLength(before);
});

test('P3: an intent names a start of a node that holds a lease, until that node is closed', async () => {
  const nodes = app.app.get(LiveNodes);
  const second = await app.join();
  const held = await nodes.bootIds();
  expect(held.size).toBe(2);
  await execute(agent, 'key');
  const named = (await settled()).find(({ outcome }) => outcome === 'intent')?.details.boot;
  expect([...held]).toContain(named);
  await second.close();
  expect([...(await nodes.bootIds())]).toEqual([named]);
});

test('a node whose registration was not heard of registers again', async () => {
  const register = () =>
    app.open.tenants.inTenant(PLATFORM_TENANT_ID, ({ client }) => registerNode(client, app.app.get(BootId).value));
  await register();
  await register();
  expect((await execute(agent, 'key')).status).toBe(200);
});

test('a session that runs out cuts the call it is in', async () => {
  upstream.hangOn('/hang');
  const { body } = await tenant.admin<{ data: { expires_at: string }[] }>('GET', `/v1/agents/${agent.id}/sessions`);
  // The clock stands still, so that so much is left of it when the call is admitted, however long that takes.
  const nowMs = Date.parse(String(body.data[0]?.expires_at)) - SESSION_LEFT_MS;
  Object.defineProperty(app.clock, 'aheadMs', { get: () => nowMs - Date.now() });
  const answer = execute(agent, 'key', { url: `${UPSTREAM_URL}/hang` });
  expect(await answer).toMatchObject({ status: 503, body: { code: 'call_cut', detail: /session_ended/ } });
});
