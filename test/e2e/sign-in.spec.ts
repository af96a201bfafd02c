import { type AppTenant, execute, startApp, storeCredential, type TestApp } from '../support/app.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { entriesOf } from '../support/identity.js';

jest.setTimeout(300_000);

let app: TestApp;
let tenant: AppTenant;
beforeAll(async () => {
  app = await startApp();
  tenant = await app.newTenant();
});
afterAll(() => app?.close());

/** What became of a use is written a little later, and is none. */
const acts = async () => (await entriesOf(app, tenant.id)).filter(({ action }) => action !== 'credential.use.outcome');

async function revoke(agent: DpopAgent, form: Record<string, string> = {}): Promise<Response> {
  const htu = `${agent.base}/oauth/revoke`;
  const dpop = await agent.proof({ htm: 'POST', htu });
  const body = new URLSearchParams({ token: 'any', client_id: agent.id, client_secret: agent.apiKey, ...form });
  return fetch(htu, { method: 'POST', headers: { dpop }, body });
}

test('P10: an agent ends its own session, by proof of its key, and the token dies with it', async () => {
  const agent = await app.newAgent(tenant, 'leaver');
  await storeCredential(tenant, 'leaving', 'sk-live-0123456789abcdef', { grantTo: [agent] });
  expect((await execute(agent, 'leaving')).status).toBe(200);
  const answer = await revoke(agent);
  expect([answer.status, await answer.json()]).toEqual([200, {}]);
  expect((await execute(agent, 'leaving')).body).toMatchObject({ status: 401, code: 'invalid_token' });
  const entries = await acts();
  expect(entries.at(-1)).toMatchObject({ actor: `agent:${agent.id}`, action: 'session.revoke' });
  expect((await revoke(agent)).status).toBe(200);
  expect(await acts()).toHaveLength(entries.length);
});

test('P10: nobody ends a session with the API key alone, or with a wrong one', async () => {
  const agent = await app.newAgent(tenant, 'stayer');
  const body = new URLSearchParams({ token: 'any', client_id: agent.id, client_secret: agent.apiKey });
  const bare = await fetch(`${agent.base}/oauth/revoke`, { method: 'POST', body });
  expect([bare.status, ((await bare.json()) as { error: string }).error]).toEqual([400, 'invalid_dpop_proof']);
  const another = agent.apiKey.endsWith('A') ? 'Q' : 'A';
  const wrong = await revoke(agent, { client_secret: `${agent.apiKey.slice(0, -1)}${another}` });
  expect([wrong.status, ((await wrong.json()) as { error: string }).error]).toEqual([400, 'invalid_client']);
  expect((await agent.call('GET', '/v1/whoami')).status).toBe(200);
});

test('whoami tells each kind of principal who it is', async () => {
  const agent = await app.newAgent(tenant, 'asker', 'PARTNER');
  const place = { tenant: { namespace: tenant.namespace }, surface: 'tenant' };
  expect((await agent.call('GET', '/v1/whoami')).body).toMatchObject({
    ...place,
    kind: 'agent',
    id: agent.id,
    name: 'asker',
    tier: 'PARTNER',
  });
  expect((await tenant.admin('GET', '/v1/whoami')).body).toMatchObject({
    ...place,
    kind: 'service_key',
    role: 'admin',
  });
  const human = (await tenant.human('GET', '/v1/whoami')).body;
  expect(human).toMatchObject({ ...place, kind: 'member', role: 'owner' });
  expect(Date.parse(String(human.factor_expires_at))).toBeGreaterThan(Date.now());
  expect((await app.staff('GET', '/v1/whoami')).body).toMatchObject({
    surface: 'ops',
    tenant: { namespace: 'platform' },
  });
});
