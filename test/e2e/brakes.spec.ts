import {
  type AppTenant,
  execute,
  expectStatus,
  MASTER_PASSWORD,
  startApp,
  storeCredential,
  type TestApp,
} from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { type Caller, callerOn, signedIn } from '../support/identity.js';
import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';

jest.setTimeout(60_000);

const FACTOR_STALE_MS = 6 * 60_000;
const reason = 'test';
const confirm = 'clear the global brake';
let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app?.close());

interface Brake {
  readonly id: string;
  readonly active: boolean;
  readonly audit: { readonly seq: number; readonly hash: string };
}

interface Scene {
  readonly tenant: AppTenant;
  readonly agent: DpopAgent;
}

async function scene(): Promise<Scene> {
  const tenant = await app.newTenant();
  const agent = await app.newAgent(tenant, 'scribe');
  await storeCredential(tenant, 'key', 'sk-live-0123456789abcdef', { grantTo: [agent] });
  return { tenant, agent };
}

/** Others come meanwhile: the outcome of a use follows its answer. */
const brakeEntries = async ({ tenant }: Scene) =>
  (await entriesOf(app.open, tenant.id)).filter(({ entry }) => entry.action.startsWith('brake.'));

const SCOPES: readonly { readonly scope: string; readonly body: (it: Scene) => Record<string, unknown> }[] = [
  { scope: 'tenant', body: () => ({ scope: 'tenant' }) },
  { scope: 'agent', body: ({ agent }) => ({ scope: 'agent', agent_id: agent.id }) },
  { scope: 'credential', body: () => ({ scope: 'credential', credential_name: 'key' }) },
];

test.each(SCOPES)(
  'P4: a brake on the $scope holds from the answer on, and a person lets go of it',
  async ({ scope, body }) => {
    const it = await scene();
    expect((await execute(it.agent, 'key')).status).toBe(200);
    const pulled = await it.tenant.admin<Brake>('POST', '/v1/brakes', { ...body(it), reason });
    expect(pulled).toMatchObject({
      status: 201,
      body: { scope, active: true, reason, activated_by: expect.stringMatching(/^service_key:/) },
    });
    // Pulling what is on changes nothing, and leaves no entry.
    const entries = await brakeEntries(it);
    const again = await it.tenant.admin<Brake>('POST', '/v1/brakes', { ...body(it), reason: 'another reason' });
    expect(again).toMatchObject({ status: 200, body: pulled.body });
    expect(await brakeEntries(it)).toEqual(entries);
    expect((await execute(it.agent, 'key')).body).toMatchObject({ status: 403, code: 'brake_active', scope });
    const cleared = await it.tenant.human<Brake>('POST', `/v1/brakes/${pulled.body.id}/clear`, { reason });
    expect(cleared).toMatchObject({ status: 200, body: { active: false, clear_reason: reason } });
    expect((await it.tenant.human('POST', `/v1/brakes/${pulled.body.id}/clear`, { reason: 'again' })).body).toEqual(
      cleared.body,
    );
    expect((await execute(it.agent, 'key')).status).toBe(200);
    // The next one is another brake.
    const next = await it.tenant.admin<Brake>('POST', '/v1/brakes', { ...body(it), reason });
    expect([next.status, next.body.id === pulled.body.id]).toEqual([201, false]);
  },
);

let quiet: AppTenant;
beforeAll(async () => void (quiet = await app.newTenant()));

test.each([
  ['no reason', { scope: 'tenant' }, 400],
  ['a reason of blanks', { scope: 'tenant', reason: '  ' }, 400],
  ['no agent', { scope: 'agent', reason }, 400],
  ['an agent that is not there', { scope: 'agent', agent_id: `agt_${'0'.repeat(32)}`, reason }, 404],
  ['a credential that is not there', { scope: 'credential', credential_name: 'nowhere', reason }, 404],
  ['no scope of brakes', { scope: 'world', reason }, 400],
])('a brake with %s is not pulled', async (_, body, status) => {
  expect((await quiet.admin('POST', '/v1/brakes', body)).status).toBe(status);
  expect((await quiet.admin('GET', '/v1/brakes')).body).toMatchObject({ data: [] });
});

test('P4: only a person with a fresh factor clears a brake, no key of any kind', async () => {
  const { tenant, agent } = await scene();
  const { body } = await tenant.admin<Brake>('POST', '/v1/brakes', { scope: 'tenant', reason });
  const clear = (caller: Caller) => caller('POST', `/v1/brakes/${body.id}/clear`, { reason });
  expect(await clear(tenant.admin)).toMatchObject({ status: 403, body: { code: 'human_required' } });
  expect((await agent.call('POST', `/v1/brakes/${body.id}/clear`, {}, { reason })).body).toMatchObject({
    status: 403,
    code: 'forbidden',
  });
  const stale = callerOn(app.at.tenant, await signedIn(app, tenant.id, 'owner', FACTOR_STALE_MS));
  expect(await clear(stale)).toMatchObject({ status: 403, body: { code: 'factor_stale' } });
  const auditor = callerOn(app.at.tenant, await signedIn(app, tenant.id, 'auditor'));
  expect(await clear(auditor)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  expect(await tenant.human('POST', `/v1/brakes/${body.id}/clear`, {})).toMatchObject({ status: 400 });
  expect((await execute(agent, 'key')).body.code).toBe('brake_active');
  const approver = callerOn(app.at.tenant, await signedIn(app, tenant.id, 'approver'));
  expect((await clear(approver)).status).toBe(200);
});

test('P4: the global brake is the operator’s: on the ops surface, and cleared with its name typed', async () => {
  const [one, other] = [await scene(), await scene()];
  expect(await one.tenant.human('POST', '/v1/brakes', { scope: 'global', reason })).toMatchObject({
    status: 403,
    body: { code: 'forbidden' },
  });
  expect(await app.staff('POST', '/v1/brakes', { scope: 'tenant', reason })).toMatchObject({
    status: 403,
    body: { code: 'forbidden' },
  });
  const pulled = await app.staff<Brake>('POST', '/v1/brakes', { scope: 'global', reason });
  expect(pulled.status).toBe(201);
  expect((await app.staff('POST', '/v1/brakes', { scope: 'global', reason })).status).toBe(200);
  for (const { agent } of [one, other])
    expect((await execute(agent, 'key')).body).toMatchObject({ code: 'brake_active', scope: 'global' });
  const clear = (caller: Caller, body: object) => caller('POST', `/v1/brakes/${pulled.body.id}/clear`, body);
  expect(await clear(one.tenant.human, { reason, confirm })).toMatchObject({ status: 404 });
  expect(await clear(app.staff, { reason })).toMatchObject({ status: 400, body: { code: 'confirmation_required' } });
  expect(await clear(app.staff, { reason, confirm: 'yes' })).toMatchObject({
    status: 400,
    body: { code: 'confirmation_required' },
  });
  const stale = callerOn(app.at.ops, await signedIn(app, PLATFORM_TENANT_ID, 'owner', FACTOR_STALE_MS));
  expect(await clear(stale, { reason, confirm })).toMatchObject({ status: 403, body: { code: 'factor_stale' } });
  expect((await clear(app.staff, { reason, confirm })).status).toBe(200);
  for (const { agent } of [one, other]) expect((await execute(agent, 'key')).status).toBe(200);
});

test('P4: with 32 calls in flight no use is sequenced behind its brake until it is cleared', async () => {
  const { tenant, agent } = await scene();
  const twin = await app.newAgent(tenant, 'twin');
  expectStatus(await tenant.admin('PUT', `/v1/credentials/key/grants/${twin.id}`), 200);
  const load = { going: true };
  const statuses = new Map<number, number>();
  const work = async (own: DpopAgent): Promise<void> => {
    while (load.going) {
      const { status } = await execute(own, 'key');
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  const workers = Array.from({ length: 32 }, (_, index) => work(index % 2 === 0 ? agent : twin));
  /** Waits for as many more answers of one kind as there are workers. */
  const more = async (status: number): Promise<void> => {
    const wanted = (statuses.get(status) ?? 0) + workers.length;
    await eventually(
      () => statuses.get(status) ?? 0,
      (count) => count >= wanted,
    );
  };
  const held: { from: number; id: string; covers: (actor: string) => boolean }[] = [];
  const cleared: number[] = [];
  await more(200);
  for (const body of [
    { scope: 'tenant' },
    { scope: 'agent', agent_id: agent.id },
    { scope: 'credential', credential_name: 'key' },
  ]) {
    const pulled = await tenant.admin<Brake>('POST', '/v1/brakes', { ...body, reason });
    expectStatus(pulled, 201);
    const covers = (actor: string) => body.scope !== 'agent' || actor === `agent:${agent.id}`;
    held.push({ from: pulled.body.audit.seq, id: pulled.body.id, covers });
    await more(403);
    expectStatus(await tenant.human('POST', `/v1/brakes/${pulled.body.id}/clear`, { reason }), 200);
    await more(200);
  }
  load.going = false;
  await Promise.all(workers);
  const entries = (await entriesOf(app.open, tenant.id)).map(({ entry }) => entry);
  for (const { from, id, covers } of held) {
    const to = entries.find(({ action, details }) => action === 'brake.clear' && details.brake === id)?.seq ?? 0;
    cleared.push(to);
    const between = entries.filter(({ seq, action }) => seq > from && seq < to && action === 'credential.use');
    const covered = between.filter(({ actor }) => covers(actor));
    expect(covered.length).toBeGreaterThan(0);
    expect(covered.filter(({ outcome }) => outcome === 'intent')).toEqual([]);
  }
  // The load was real: uses went through before, between and behind the brakes.
  const intents = entries.filter(({ outcome }) => outcome === 'intent').map(({ seq }) => seq);
  expect(intents.some((seq) => seq < (held[0]?.from ?? 0))).toBe(true);
  expect(intents.some((seq) => seq > (cleared.at(-1) ?? 0))).toBe(true);
  // Those that a brake overtook on their way were cut.
  expect([...statuses.keys()].filter((status) => ![200, 403, 503].includes(status))).toEqual([]);
});

test('P4: brakes survive a restart, sealed and unsealed', async () => {
  const { tenant, agent } = await scene();
  const free = await scene();
  expectStatus(await tenant.admin('POST', '/v1/brakes', { scope: 'agent', agent_id: agent.id, reason }), 201);
  const global = await app.staff<Brake>('POST', '/v1/brakes', { scope: 'global', reason });
  expectStatus(global, 201);
  await app.restart();
  const moved = ({ agent: { id, apiKey, key, accessToken } }: Scene) => {
    const same = new DpopAgent(app.at.tenant, id, apiKey, key);
    same.accessToken = accessToken;
    return same;
  };
  // Another address, so another audience: the session goes on, with a new token.
  const [braked, other] = [moved({ tenant, agent }), moved(free)];
  for (const one of [braked, other]) expectStatus(await one.token(), 200);
  expect((await execute(other, 'key')).body).toMatchObject({ code: 'brake_active', scope: 'global' });
  expectStatus(await app.staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }), 200);
  expect((await execute(other, 'key')).body).toMatchObject({ code: 'brake_active', scope: 'global' });
  expectStatus(await app.staff('POST', `/v1/brakes/${global.body.id}/clear`, { reason, confirm }), 200);
  expect((await execute(other, 'key')).status).toBe(200);
  expect((await execute(braked, 'key')).body).toMatchObject({ code: 'brake_active', scope: 'agent' });
  const admin = callerOn(app.at.tenant, tenant.key);
  expect((await admin('GET', '/v1/brakes?active=true')).body).toMatchObject({
    data: [{ scope: 'agent', agent_id: agent.id, active: true }],
  });
});
