import { DpopAgent } from '../support/dpop-agent.js';
import {
  callerOn,
  entriesAbout,
  furnishedTenant,
  type IdentityApp,
  signedIn,
  startIdentity,
  type TestTenant,
} from '../support/identity.js';

jest.setTimeout(60_000);

let identity: IdentityApp;
let ours: TestTenant;
let theirs: TestTenant;
beforeAll(async () => {
  identity = await startIdentity();
  ours = await furnishedTenant(identity);
  theirs = await furnishedTenant(identity);
});
afterAll(() => identity?.close());

let count = 0;
interface Registered {
  id: string;
  api_key: string;
}
const register = async (tenant: TestTenant = ours): Promise<Registered> =>
  (await tenant.admin<Registered>('POST', '/v1/agents', { name: `agent-${++count}` })).body;
const begin = async (registered: Registered): Promise<DpopAgent> => {
  const agent = new DpopAgent(identity.at.tenant, registered.id, registered.api_key);
  expect((await agent.token()).status).toBe(200);
  return agent;
};
const sessionsOf = async (id: string) =>
  (
    await ours.admin<{ data: { id: string; state: string; revoked_reason: string | null }[] }>(
      'GET',
      `/v1/agents/${id}/sessions`,
    )
  ).body.data;
const promote = (id: string, tier: string) =>
  ours.human('POST', `/v1/agents/${id}/promote`, { tier, reason: 'earned it' });

test('an agent begins as NOVICE, its API key is shown once', async () => {
  const { status, body } = await ours.admin('POST', '/v1/agents', { name: 'treasury' });
  expect(status).toBe(201);
  expect(body).toEqual({
    id: expect.stringMatching(/^agt_[0-9a-f]{32}$/),
    name: 'treasury',
    tier: 'NOVICE',
    state: 'active',
    created_at: expect.stringMatching(/^20.*Z$/),
    api_key: expect.stringMatching(/^chy_ak_/),
  });
  const shown = await ours.admin('GET', `/v1/agents/${String(body.id)}`);
  expect(shown.body).toEqual({
    ...Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'api_key')),
    credentials_granted: 0,
    credentials_limit: 1,
  });
});

test('a name is taken once per tenant; another tenant may use it', async () => {
  expect((await ours.admin('POST', '/v1/agents', { name: 'twice' })).status).toBe(201);
  expect(await ours.admin('POST', '/v1/agents', { name: 'twice' })).toMatchObject({
    status: 409,
    body: { code: 'name_taken' },
  });
  expect((await theirs.admin('POST', '/v1/agents', { name: 'twice' })).status).toBe(201);
});

test.each([
  { name: '' },
  { name: 'a'.repeat(65) },
  { name: 'Über' },
  { name: 'a b' },
  { name: '-a' },
  { name: 1 },
  { name: 'x', tier: 'SACRED' },
  {},
  [],
])('a bad body is refused: %j', async (body) => {
  expect(await ours.admin('POST', '/v1/agents', body)).toMatchObject({
    status: 400,
    body: { code: 'invalid_request' },
  });
});

test('P19: a foreign agent and a made-up one are missing alike, byte for byte', async () => {
  const foreign = await register(theirs);
  const made = 'agt_0192f0c1a2b37c4d8e9f001122334455';
  const routes: [string, string, unknown?][] = [
    ['GET', ''],
    ['GET', '/sessions'],
    ['POST', '/api-key'],
    ['POST', '/demote', { tier: 'NOVICE', reason: 'r' }],
    ['POST', '/suspend', { reason: 'r' }],
    ['POST', '/revoke', { reason: 'r' }],
    ['POST', '/promote', { tier: 'PARTNER', reason: 'r' }],
    ['POST', '/reinstate', { reason: 'r' }],
  ];
  for (const [method, suffix, body] of routes) {
    const answers = [];
    for (const id of [foreign.id, made, 'agt_nonsense', 'x']) {
      const { status, body: problem } = await ours.human(method, `/v1/agents/${id}${suffix}`, body);
      const { request_id: _, ...rest } = problem;
      answers.push(JSON.stringify({ status, ...rest }));
    }
    expect(new Set(answers).size).toBe(1);
    expect(JSON.parse(answers[0] as string)).toMatchObject({ status: 404, code: 'not_found' });
  }
});

test('a promotion is a human act with a fresh factor, and only goes upwards', async () => {
  const { id } = await register();
  const body = { tier: 'PARTNER', reason: 'earned it' };
  expect(await ours.admin('POST', `/v1/agents/${id}/promote`, body)).toMatchObject({
    status: 403,
    body: { code: 'human_required' },
  });
  const stale = callerOn(identity.at.tenant, await signedIn(identity, ours.id, 'owner', 6 * 60_000));
  expect(await stale('POST', `/v1/agents/${id}/promote`, body)).toMatchObject({
    status: 403,
    body: { code: 'factor_stale' },
  });
  const auditor = callerOn(identity.at.tenant, await signedIn(identity, ours.id, 'auditor'));
  expect(await auditor('POST', `/v1/agents/${id}/promote`, body)).toMatchObject({
    status: 403,
    body: { code: 'forbidden' },
  });
  expect(await promote(id, 'PARTNER')).toMatchObject({ status: 200, body: { tier: 'PARTNER', credentials_limit: 20 } });
  for (const tier of ['PARTNER', 'NOVICE']) {
    expect(await promote(id, tier)).toMatchObject({ status: 409, body: { code: 'tier_not_higher' } });
  }
});

test('a demotion only goes downwards, an admin key may do it, and sessions go on', async () => {
  const registered = await register();
  const { id } = registered;
  await promote(id, 'GUARDIAN');
  const agent = await begin(registered);
  const demote = (tier: string) => ours.admin('POST', `/v1/agents/${id}/demote`, { tier, reason: 'errors' });
  expect(await demote('GUARDIAN')).toMatchObject({ status: 409, body: { code: 'tier_not_lower' } });
  expect(await demote('SACRED')).toMatchObject({ status: 409, body: { code: 'tier_not_lower' } });
  expect(await demote('COMPANION')).toMatchObject({ status: 200, body: { tier: 'COMPANION', credentials_limit: 5 } });
  expect((await agent.call('GET', '/v1/whoami')).status).toBe(200);
  // The next token has the lifetime of the new tier.
  expect(await agent.token()).toMatchObject({ status: 200, body: { expires_in: expect.any(Number) } });
});

test('suspending ends the sessions; only a person reinstates, and the old sessions stay ended', async () => {
  const registered = await register();
  const { id } = registered;
  const agent = await begin(registered);
  const suspended = await ours.admin('POST', `/v1/agents/${id}/suspend`, { reason: 'suspicious' });
  expect(suspended).toMatchObject({ status: 200, body: { state: 'suspended' } });
  expect(await agent.call('GET', '/v1/whoami')).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
  expect(await agent.token()).toMatchObject({ status: 400, body: { error: 'unauthorized_client' } });
  expect(await ours.admin('POST', `/v1/agents/${id}/reinstate`, { reason: 'r' })).toMatchObject({
    body: { code: 'human_required' },
  });
  expect(await ours.human('POST', `/v1/agents/${id}/reinstate`, { reason: 'checked' })).toMatchObject({
    status: 200,
    body: { state: 'active' },
  });
  expect(await agent.call('GET', '/v1/whoami')).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
  expect(await agent.token()).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  await begin(registered);
  expect((await sessionsOf(id)).map(({ state, revoked_reason }) => [state, revoked_reason])).toEqual([
    ['active', null],
    ['revoked', 'agent suspended'],
  ]);
});

test('revoking is final', async () => {
  const registered = await register();
  const { id } = registered;
  const agent = await begin(registered);
  expect(await ours.admin('POST', `/v1/agents/${id}/revoke`, { reason: 'gone' })).toMatchObject({
    status: 200,
    body: { state: 'revoked' },
  });
  expect(await agent.call('GET', '/v1/whoami')).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
  expect(await agent.token()).toMatchObject({ status: 400, body: { error: 'invalid_client' } });
  for (const [act, body] of [
    ['promote', { tier: 'PARTNER', reason: 'r' }],
    ['demote', { tier: 'NOVICE', reason: 'r' }],
    ['suspend', { reason: 'r' }],
    ['reinstate', { reason: 'r' }],
    ['api-key', undefined],
  ] as const) {
    expect(await ours.human('POST', `/v1/agents/${id}/${act}`, body)).toMatchObject({
      status: 409,
      body: { code: 'agent_revoked' },
    });
  }
  expect((await ours.admin('POST', `/v1/agents/${id}/revoke`, { reason: 'again' })).status).toBe(200);
});

test('replacing the API key kills the old one and the sessions it opened', async () => {
  const registered = await register();
  const agent = await begin(registered);
  const { status, body } = await ours.admin<Registered>('POST', `/v1/agents/${registered.id}/api-key`);
  expect(status).toBe(201);
  expect(body).toEqual({ id: registered.id, api_key: expect.stringMatching(/^chy_ak_/) });
  expect(await agent.call('GET', '/v1/whoami')).toMatchObject({ status: 401 });
  expect(await agent.token()).toMatchObject({ status: 400, body: { error: 'invalid_client' } });
  await begin(body);
});

test('a repeated registration with one Idempotency-Key makes one agent and shows its key once', async () => {
  const name = 'only-once';
  const keyed = (body: object) => ours.admin('POST', '/v1/agents', body, { 'idempotency-key': 'k-1' });
  const first = await keyed({ name });
  expect(first).toMatchObject({ status: 201, body: { api_key: expect.stringMatching(/^chy_ak_/) } });
  const again = await keyed({ name });
  const { api_key: _, ...kept } = first.body;
  expect(again).toMatchObject({ status: 201, body: { ...kept, secret_shown_once: true } });
  expect(again.body).not.toHaveProperty('api_key');
  expect(await keyed({ name: 'another' })).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
});

test('a page of agents continues with its cursor, and with no other', async () => {
  const tenant = await furnishedTenant(identity);
  const ids = [];
  for (let i = 0; i < 3; i += 1) ids.push((await register(tenant)).id);
  interface Page {
    data: { id: string }[];
    next_cursor: string | null;
  }
  const first = (await tenant.admin<Page>('GET', '/v1/agents?limit=2')).body;
  const second = (await tenant.admin<Page>('GET', `/v1/agents?limit=2&cursor=${first.next_cursor}`)).body;
  expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(ids);
  expect(second.next_cursor).toBeNull();
  expect(await ours.admin('GET', `/v1/agents?cursor=${first.next_cursor}`)).toMatchObject({
    status: 400,
    body: { code: 'invalid_request' },
  });
});

test('every act leaves one entry; repeating what is so already leaves none; no entry holds a secret', async () => {
  const registered = await register();
  const { id } = registered;
  await promote(id, 'COMPANION');
  await begin(registered);
  await ours.admin('POST', `/v1/agents/${id}/demote`, { tier: 'NOVICE', reason: 'errors' });
  for (let i = 0; i < 2; i += 1) await ours.admin('POST', `/v1/agents/${id}/suspend`, { reason: 'suspicious' });
  for (let i = 0; i < 2; i += 1) await ours.human('POST', `/v1/agents/${id}/reinstate`, { reason: 'checked' });
  await ours.admin('POST', `/v1/agents/${id}/api-key`);
  for (let i = 0; i < 2; i += 1) await ours.admin('POST', `/v1/agents/${id}/revoke`, { reason: 'gone' });
  const entries = await entriesAbout(identity, ours.id, id);
  expect(entries.map(({ action }) => action)).toEqual([
    'agent.register',
    'agent.promote',
    'session.begin',
    'agent.demote',
    'agent.suspend',
    'agent.reinstate',
    'agent.api_key.replace',
    'agent.revoke',
  ]);
  expect(entries[1]).toMatchObject({ details: { from: 'NOVICE', to: 'COMPANION', reason: 'earned it' } });
  expect(entries[1]?.actor).toMatch(/^member:mem_/);
  expect(entries[2]?.actor).toBe(`agent:${id}`);
  expect(entries[4]).toMatchObject({ details: { reason: 'suspicious', sessions_ended: 1 } });
  expect(JSON.stringify(entries)).not.toContain('chy_');
});
