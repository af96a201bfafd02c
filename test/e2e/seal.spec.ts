import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';
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
import { type Caller, callerOn, signedIn } from '../support/identity.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(300_000);

const ATTEMPTS_MAX = 5;
const WINDOW_MS = 5 * 60_000;
const VALUE = 'sk-live-0123456789abcdef';

const upstream = new ScriptedUpstream();
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
let admin: Caller;
beforeAll(async () => {
  app = await startApp({ upstream: upstream.listener });
  tenant = await app.newTenant();
  const registered = await app.newAgent(tenant, 'scribe');
  await storeCredential(tenant, 'key', VALUE, { grantTo: [registered] });
  await storeCredential(tenant, 'foreign', VALUE, { grantTo: [registered], more: { allowed_domains: ['a.example'] } });
  expectStatus(await execute(registered, 'key'), 200);
  await app.restart();
  admin = callerOn(app.at.tenant, tenant.key);
  agent = new DpopAgent(app.at.tenant, registered.id, registered.apiKey);
});
afterAll(() => app?.close());

const unseal = (password: string) => app.staff('POST', '/v1/vault/unseal', { password });
const body = { value: VALUE, allowed_domains: ['b.example'] };

test('P7: a restart comes up sealed, is ready, and says so on both surfaces', async () => {
  expect((await app.staff('GET', '/v1/vault')).body).toEqual({ state: 'sealed' });
  expect((await admin('GET', '/v1/vault')).body).toEqual({ state: 'sealed' });
  const ready = await fetch(`${app.at.public}/health/ready`);
  expect([ready.status, await ready.json()]).toMatchObject([200, { checks: { vault: 'sealed' } }]);
});

test.each([
  ['storing', 'POST', '/v1/credentials', { name: 'new', ...body }],
  ['rotating', 'POST', '/v1/credentials/key/rotate', { value: VALUE }],
  ['binding', 'PUT', '/v1/credentials/key/binding', { allowed_domains: body.allowed_domains }],
  ['a new encryption key', 'POST', '/v1/encryption-key/rotate', undefined],
])('P7: sealed, %s is 503 vault_sealed and changes nothing', async (_, method, path, json) => {
  const before = (await admin('GET', '/v1/credentials')).body;
  const answer = await admin(method, path, json);
  expect([answer.status, answer.body.code]).toEqual([503, 'vault_sealed']);
  expect((await admin('GET', '/v1/credentials')).body).toEqual(before);
});

test('P7: sealed, agents get tokens, their uses are denied with one entry each, and nothing is called', async () => {
  expectStatus(await agent.token(), 200);
  expect((await agent.call('GET', '/v1/whoami')).status).toBe(200);
  const calls = upstream.received.length;
  const answer = await execute(agent, 'key');
  expect([answer.status, answer.body.code]).toEqual([503, 'vault_sealed']);
  // Before the domain: a sealed vault answers first.
  expect((await execute(agent, 'foreign')).body.code).toBe('vault_sealed');
  expect(upstream.received).toHaveLength(calls);
  const last = (await entriesOf(app.open, tenant.id)).slice(-2).map(({ entry }) => entry);
  expect(last).toMatchObject([{ details: { code: 'vault_sealed' } }, { details: { code: 'vault_sealed' } }]);
});

test('P7: sealed, brakes, agents, grants, tiers, listings and audit go on', async () => {
  const made = await admin<{ id: string }>('POST', '/v1/agents', { name: 'made-while-sealed' });
  expectStatus(made, 201);
  for (const [method, path, json, status] of [
    ['POST', '/v1/brakes', { scope: 'agent', agent_id: made.body.id, reason: 'test' }, 201],
    ['POST', `/v1/agents/${made.body.id}/suspend`, { reason: 'test' }, 200],
    ['PATCH', '/v1/credentials/key', { minimum_tier: 'COMPANION' }, 200],
    ['PUT', `/v1/credentials/key/grants/${agent.id}`, undefined, 200],
    ['DELETE', '/v1/credentials/foreign', undefined, 204],
    ...['/v1/agents', '/v1/credentials', '/v1/credentials/key', '/v1/brakes', '/v1/members', '/v1/service-keys'].map(
      (listing) => ['GET', listing, undefined, 200] as const,
    ),
    ['GET', '/v1/audit/entries', undefined, 200],
  ] as const) {
    expect([method, path, (await admin(method, path, json)).status]).toEqual([method, path, status]);
  }
  expect((await admin('GET', '/v1/audit/verification')).body).toMatchObject({ verdict: 'ok' });
  const headers = { authorization: `Bearer ${tenant.key}` };
  expect((await fetch(`${app.at.tenant}/v1/audit/export`, { headers })).status).toBe(200);
});

test('P7: wrong passwords are 403, then 429 for the right one too, and a restart forgets none of them', async () => {
  for (let i = 0; i < ATTEMPTS_MAX; i += 1) {
    const answer = await unseal(`not the password ${i}`);
    expect([answer.status, answer.body.code]).toEqual([403, 'wrong_password']);
  }
  const limited = async () => {
    const answer = await unseal(MASTER_PASSWORD);
    expect([answer.status, answer.body.code]).toEqual([429, 'too_many_attempts']);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  };
  await limited();
  await app.restart();
  await limited();
  expect((await app.staff('GET', '/v1/vault')).body).toEqual({ state: 'sealed' });
});

test('P7: when the time is up the password unseals, and what was stored before is used as before', async () => {
  app.clock.aheadMs = WINDOW_MS;
  const later = callerOn(app.at.ops, await signedIn(app, PLATFORM_TENANT_ID, 'owner', -WINDOW_MS));
  const opened = await later('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD });
  expect([opened.status, opened.body]).toEqual([200, { state: 'unsealed' }]);
  app.clock.aheadMs = 0;
  const again = new DpopAgent(app.at.tenant, agent.id, agent.apiKey);
  expectStatus(await again.token(), 200);
  expectStatus(await execute(again, 'key'), 200);
  expect(upstream.received.at(-1)?.headers.authorization).toBe(`Bearer ${VALUE}`);
});
