import { RecordRefusals } from '../../src/audit/record-refusals.js';
import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';
import { type AppTenant, startApp, type TestApp } from '../support/app.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { callerOn, entriesOf } from '../support/identity.js';

jest.setTimeout(300_000);

const RATE = 8;
const WHO = '/v1/whoami';

let app: TestApp;
let tenant: AppTenant;
let nowMs: number;
beforeAll(async () => {
  app = await startApp({ env: { RATE_PRINCIPAL_PER_MINUTE: String(RATE) } });
  tenant = await app.newTenant();
  // The minute ends when this file says so, for the server and for agents.
  nowMs = Date.now();
  Object.defineProperty(app.clock, 'aheadMs', { get: () => nowMs - Date.now() });
});
afterAll(() => app?.close());

async function minuteEnds(): Promise<void> {
  nowMs += 60_000;
  await app.app.get(RecordRefusals, { strict: false }).execute();
}

const actions = async (tenantId: string) => (await entriesOf(app, tenantId)).map(({ action }) => action);
const suppressed = async () =>
  (await entriesOf(app, tenant.id)).filter(({ action }) => action.endsWith('denials_suppressed'));
const failures = async () =>
  (await entriesOf(app, PLATFORM_TENANT_ID)).filter(({ action }) => action === 'authentication.failed');

async function counted(): Promise<Record<string, unknown>> {
  const before = (await failures()).length;
  await minuteEnds();
  const fresh = (await failures()).slice(before);
  const counts = Object.fromEntries(fresh.map(({ details }) => [details.code, details.count]));
  expect(Object.keys(counts)).toHaveLength(fresh.length);
  return counts;
}

/** Of so many requests at once, how many were refused by the rate. */
async function refusedOf(times: number, ask: () => Promise<{ status: number }>): Promise<number> {
  const answers = await Promise.all(Array.from({ length: times }, ask));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
  return answers.filter(({ status }) => status === 429).length;
}

test('an agent past its rate leaves one entry a minute, with the exact count; its behaviour stays what it was', async () => {
  const agent = await app.newAgent(tenant, 'flooder', 'NOVICE');
  const quiet = await app.newAgent(tenant, 'quiet', 'NOVICE');
  expect((await quiet.call('GET', WHO)).status).toBe(200);
  await counted();
  const before = await actions(tenant.id);
  const count = await refusedOf(RATE + 12, () => agent.callOnce('GET', WHO));
  expect(count).toBeGreaterThanOrEqual(11);
  expect(await actions(tenant.id)).toEqual(before);

  expect(await counted()).toEqual({});
  expect(await actions(tenant.id)).toEqual([...before, 'agent.denials_suppressed']);
  const [entry] = await suppressed();
  expect(entry).toMatchObject({ actor: 'system:guard', outcome: 'denied' });
  const { from, to, boot, ...details } = entry?.details ?? {};
  expect(details).toEqual({ agent: agent.id, code: 'rate_limited', count });
  expect(Date.parse(to as string) - Date.parse(from as string)).toBe(60_000);
  expect(boot).toMatch(/^[0-9a-f-]{36}$/);

  const again = await Promise.all(Array.from({ length: 5 }, () => agent.callOnce('GET', WHO)));
  await minuteEnds();
  const refused = again.filter(({ status }) => status === 429).length;
  expect((await suppressed()).slice(1)).toMatchObject([{ details: { agent: agent.id, count: refused } }]);
  expect((await tenant.admin('GET', '/v1/audit/verification')).body).toMatchObject({ verdict: 'ok' });
  const behaviour = await tenant.human('GET', `/v1/agents/${agent.id}/behaviour`);
  expect(behaviour.body).toMatchObject({ score: null, verdict: 'none', window: { calls: 0, denials: 0 } });
});

test('a service key past its rate leaves its entry too', async () => {
  const other = await app.newTenant();
  const count = await refusedOf(RATE + 3, () => other.admin('GET', WHO));
  await minuteEnds();
  const entries = (await entriesOf(app, other.id)).filter(({ outcome }) => outcome === 'denied');
  expect(entries).toMatchObject([{ action: 'service_key.denials_suppressed', details: { count } }]);
  expect(entries[0]?.details.service_key).toMatch(/^key_/);
});

test('what signed nobody in is one entry of the platform chain a cause, and none of a tenant’s', async () => {
  const agent = await app.newAgent(tenant, 'mistaken', 'NOVICE');
  await counted();
  const before = await actions(tenant.id);
  const good = agent.accessToken;
  agent.accessToken = 'not.a.token';
  for (let i = 0; i < 3; i += 1) expect((await agent.callOnce('GET', WHO)).body.code).toBe('invalid_token');
  agent.accessToken = good;
  const htu = `${app.at.tenant}${WHO}`;
  const wrong = await agent.proof({ htm: 'POST', htu, accessToken: good ?? '' });
  for (let i = 0; i < 2; i += 1)
    expect((await agent.callOnce('GET', WHO, { dpop: wrong })).body.code).toBe('invalid_dpop_proof');
  // A challenge is no failure.
  agent.nonce = undefined;
  expect((await agent.callOnce('GET', WHO)).body.code).toBe('use_dpop_nonce');
  expect(await counted()).toEqual({ invalid_token: 3, invalid_dpop_proof: 2 });
  expect(await actions(tenant.id)).toEqual(before);
  expect((await app.staff('GET', '/v1/audit/verification')).body).toMatchObject({ verdict: 'ok' });
});

test('each way to sign in counts: keys, passwords, client secrets, proofs that were used up', async () => {
  const agent = await app.newAgent(tenant, 'thief', 'NOVICE');
  await counted();
  expect((await callerOn(app.at.tenant, `${tenant.key.slice(0, -4)}AAAA`)('GET', '/v1/agents')).status).toBe(401);
  expect((await fetch(`${app.at.ops}/v1/tenants`)).status).toBe(401);
  const login = { tenant: tenant.namespace, email: 'nobody@example.com', password: 'wrong', totp: '000000' };
  const nobody = callerOn(app.at.tenant, 'none');
  for (let i = 0; i < 6; i += 1) await nobody('POST', '/v1/login', login);
  const keyless = { client_secret: `${agent.apiKey.slice(0, -4)}AAAA` };
  expect((await agent.tokenOnce(keyless)).body.error).toBe('invalid_client');
  expect((await agent.tokenOnce({}, 'no proof')).body.error).toBe('invalid_dpop_proof');
  expect((await useTwice(agent)).map(({ body }) => body.code)).toEqual(['credential_not_found', 'invalid_dpop_proof']);
  expect(await counted()).toEqual({
    unauthenticated: 2,
    login_failed: 5,
    too_many_attempts: 1,
    invalid_client: 1,
    invalid_dpop_proof: 2,
  });
});

/** The same proof for two uses: only the decision knows that it was spent. */
async function useTwice(agent: DpopAgent) {
  const path = '/v1/credentials/nothing/execute';
  const accessToken = agent.accessToken ?? '';
  const dpop = await agent.proof({ htm: 'POST', htu: `${app.at.tenant}${path}`, accessToken });
  const body = { purpose: 'test', request: { method: 'GET', url: 'https://x.example/{{CREDENTIAL}}' } };
  return [await agent.callOnce('POST', path, { dpop }, body), await agent.callOnce('POST', path, { dpop }, body)];
}

test('an orderly end writes down what is counted', async () => {
  const before = (await failures()).length;
  await fetch(`${app.at.tenant}/v1/agents`);
  await app.restart();
  const fresh = (await failures()).slice(before);
  expect(fresh).toMatchObject([{ details: { code: 'unauthenticated', count: 1 } }]);
});
