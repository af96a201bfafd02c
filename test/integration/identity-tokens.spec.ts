import { decodeJwt, decodeProtectedHeader } from 'jose';
import { AdministrativeActs } from '../../src/audit/administrative-acts.js';
import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';
import { APPROVAL_WAIT_MS, SESSIONS_PER_AGENT_MAX } from '../../src/identity/session-rules.js';
import { SIGNING_KEYS_CACHE_MS, SigningKeys } from '../../src/tenancy/signing-keys.js';
import { DpopAgent, newDpopKey } from '../support/dpop-agent.js';
import {
  entriesAbout,
  entriesOf,
  furnishedTenant,
  type IdentityApp,
  startIdentity,
  type TestTenant,
} from '../support/identity.js';

jest.setTimeout(60_000);

const HOUR_MS = 3_600_000;
let identity: IdentityApp;
let ours: TestTenant;
beforeAll(async () => {
  identity = await startIdentity();
  ours = await furnishedTenant(identity);
});
beforeEach(() => {
  identity.clock.aheadMs = 0;
});
afterAll(() => identity?.close());

let count = 0;
async function newAgent(tier = 'NOVICE'): Promise<DpopAgent> {
  const { body } = await ours.admin<{ id: string; api_key: string }>('POST', '/v1/agents', { name: `a${++count}` });
  if (tier !== 'NOVICE') await ours.human('POST', `/v1/agents/${body.id}/promote`, { tier, reason: 'test' });
  return agentWith(body.id, body.api_key);
}
const agentWith = (id: string, apiKey: string) =>
  new DpopAgent(identity.at.tenant, id, apiKey, newDpopKey(), () => Date.now() + identity.clock.aheadMs);
interface Session {
  id: string;
  state: string;
  renewals_left: number;
  jkt: string;
  tier: string;
}
const sessionsOf = async ({ id }: DpopAgent) =>
  (await ours.admin<{ data: Session[] }>('GET', `/v1/agents/${id}/sessions`)).body.data;

test('a token is an at+jwt bound to the key of the proof', async () => {
  const agent = await newAgent();
  const { status, headers, body } = await agent.token();
  expect(status).toBe(200);
  expect(body).toEqual({
    access_token: expect.any(String),
    token_type: 'DPoP',
    expires_in: expect.any(Number),
    scope: 'use:credential',
  });
  // What is left of the hour when the answer is made.
  expect(body.expires_in).toBeGreaterThan(3_540);
  expect(body.expires_in).toBeLessThanOrEqual(3_601);
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('dpop-nonce')).toMatch(/^[\w-]{22}$/);
  const token = body.access_token as string;
  expect(decodeProtectedHeader(token)).toEqual({ alg: 'Ed25519', typ: 'at+jwt', kid: expect.any(String) });
  const [session] = await sessionsOf(agent);
  expect(decodeJwt(token)).toEqual({
    iss: identity.at.tenant,
    aud: identity.at.tenant,
    sub: agent.id,
    client_id: agent.id,
    tenant: expect.stringMatching(/^ten_[0-9a-f]{32}$/),
    sid: session?.id,
    scope: 'use:credential',
    cnf: { jkt: agent.jkt },
    jti: expect.any(String),
    iat: expect.any(Number),
    exp: expect.any(Number),
  });
  expect(session).toMatchObject({ state: 'active', renewals_left: 5, jkt: agent.jkt, tier: 'NOVICE' });
  expect(await agent.call('GET', '/v1/whoami')).toMatchObject({ status: 200, body: { kind: 'agent', id: agent.id } });
});

test('the first request is told the nonce, and every answer brings it', async () => {
  const agent = await newAgent();
  const first = await agent.tokenOnce();
  expect(first).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } });
  expect(first.headers.get('dpop-nonce')).toBe(agent.nonce);
  for (const form of [{ client_secret: 'wrong' }, { grant_type: 'password' }, { scope: 'admin' }]) {
    expect((await agent.tokenOnce(form)).headers.get('dpop-nonce')).toBe(agent.nonce);
  }
  expect((await agent.tokenOnce()).status).toBe(200);
});

test.each<[string, Record<string, string>, number, string]>([
  ['a forged API key', { client_secret: `chy_ak_${'A'.repeat(107)}` }, 400, 'invalid_client'],
  ['no API key', { client_secret: '' }, 400, 'invalid_client'],
  ['another agent’s id', { client_id: 'agt_0192f0c1a2b37c4d8e9f001122334455' }, 400, 'invalid_client'],
  ['an id of no agent', { client_id: 'someone' }, 400, 'invalid_client'],
  ['another grant type', { grant_type: 'authorization_code' }, 400, 'unsupported_grant_type'],
  ['an unknown scope', { scope: 'admin' }, 400, 'invalid_scope'],
  ['a scope without an operation yet', { scope: 'write:payment.authorize' }, 400, 'invalid_scope'],
  ['a scope twice', { scope: 'use:credential use:credential' }, 400, 'invalid_scope'],
  ['an empty scope', { scope: '' }, 400, 'invalid_scope'],
  [
    'authorization details',
    { authorization_details: '[{"type":"chancery_payment"}]' },
    400,
    'invalid_authorization_details',
  ],
])('%s is refused in the format of OAuth', async (_what, form, status, error) => {
  const agent = await newAgent();
  await agent.tokenOnce();
  const answer = await agent.tokenOnce(form);
  expect(answer).toMatchObject({ status, body: { error } });
  expect(Object.keys(answer.body).sort()).toEqual(['error', 'error_description']);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expect(await sessionsOf(agent)).toEqual([]);
});

describe('client_secret_basic', () => {
  const basic = (agent: DpopAgent, credential: string) => ({
    authorization: `Basic ${Buffer.from(credential).toString('base64')}`,
  });
  const ask = async (agent: DpopAgent, headers: Record<string, string>, form: Record<string, string> = {}) => {
    const htu = `${agent.base}/oauth/token`;
    const dpop = await agent.proof({ htm: 'POST', htu });
    const answer = await fetch(htu, {
      method: 'POST',
      headers: { ...headers, dpop },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...form }),
    });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
  };

  test('works, form-encoded as RFC 6749 says', async () => {
    const agent = await newAgent();
    await agent.tokenOnce();
    const encoded = `${agent.id.replace('_', '%5F')}:${agent.apiKey.replaceAll('_', '%5f').replaceAll('-', '%2D')}`;
    expect((await ask(agent, basic(agent, encoded))).status).toBe(200);
    expect((await ask(agent, basic(agent, `${agent.id}:${agent.apiKey}`), { client_id: agent.id })).status).toBe(200);
  });

  test('a wrong one is challenged', async () => {
    const agent = await newAgent();
    await agent.tokenOnce();
    for (const credential of [`${agent.id}:chy_ak_x`, agent.id, ':', `${agent.id}:%zz`, '']) {
      const answer = await ask(agent, basic(agent, credential));
      expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
      expect(answer.headers.get('www-authenticate')).toBe('Basic realm="chancery"');
    }
    expect(await ask(agent, { authorization: 'Bearer x' })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
  });

  test('two ways to authenticate at once are refused', async () => {
    const agent = await newAgent();
    await agent.tokenOnce();
    const header = basic(agent, `${agent.id}:${agent.apiKey}`);
    expect(await ask(agent, header, { client_secret: agent.apiKey })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    });
    const other = { client_id: 'agt_0192f0c1a2b37c4d8e9f001122334455' };
    expect(await ask(agent, header, other)).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });
});

test('a session is renewed by its key as often as its tier says, then a new key begins a new one', async () => {
  const agent = await newAgent();
  for (let i = 0; i <= 5; i += 1) {
    expect((await agent.token()).status).toBe(200);
    expect((await sessionsOf(agent))[0]).toMatchObject({ renewals_left: 5 - i });
    identity.clock.aheadMs += 50 * 60_000;
  }
  const refused = await agent.token();
  expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  expect(refused.body.error_description).toContain('new DPoP key');
  const restarted = agentWith(agent.id, agent.apiKey);
  expect((await restarted.token()).status).toBe(200);
  expect((await sessionsOf(agent)).map(({ state }) => state)).toEqual(['active', 'active']);
  const actions = (await entriesAbout(identity, ours.id, agent.id)).map(({ action }) => action);
  expect(actions).toEqual([
    'agent.register',
    'session.begin',
    ...Array<string>(5).fill('session.renew'),
    'session.begin',
  ]);
});

test('an expired token is refused; its session is renewed for one lifetime more, and then over', async () => {
  const agent = await newAgent();
  await agent.token();
  identity.clock.aheadMs = HOUR_MS + 1_000;
  expect(await agent.call('GET', '/v1/whoami')).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
  expect((await agent.token()).status).toBe(200);
  expect((await agent.call('GET', '/v1/whoami')).status).toBe(200);
  identity.clock.aheadMs += 2 * HOUR_MS + 1_000;
  expect(await agent.token()).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
});

test('a revoked session is refused at once, and its key with it', async () => {
  const agent = await newAgent();
  await agent.token();
  const [session] = await sessionsOf(agent);
  const revoke = () => ours.admin('POST', `/v1/sessions/${session?.id}/revoke`, { reason: 'lost laptop' });
  expect(await revoke()).toMatchObject({ status: 200, body: { state: 'revoked', revoked_reason: 'lost laptop' } });
  expect(await agent.call('GET', '/v1/whoami')).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
  expect(await agent.token()).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  expect((await revoke()).status).toBe(200);
  const entries = await entriesAbout(identity, ours.id, agent.id);
  expect(entries.filter(({ action }) => action === 'session.revoke')).toHaveLength(1);
});

test('P19: a foreign session and a made-up one are missing alike, byte for byte', async () => {
  const agent = await newAgent();
  await agent.token();
  const [session] = await sessionsOf(agent);
  const theirs = await furnishedTenant(identity);
  for (const act of ['approve', 'revoke']) {
    const answers = new Set<string>();
    for (const id of [session?.id, 'ses_0192f0c1a2b37c4d8e9f001122334455', agent.id, 'x']) {
      const { status, body } = await theirs.human('POST', `/v1/sessions/${id}/${act}`);
      const { request_id: _, ...rest } = body;
      answers.add(JSON.stringify({ status, ...rest }));
    }
    expect([...answers]).toEqual([expect.stringContaining('"code":"not_found"')]);
  }
  expect((await agent.call('GET', '/v1/whoami')).status).toBe(200);
});

test('a SACRED agent waits for a person before its first token and before every renewal', async () => {
  const agent = await newAgent('SACRED');
  expect(await agent.token()).toMatchObject({ status: 400, body: { error: 'authorization_pending' } });
  expect(await agent.token()).toMatchObject({ status: 400, body: { error: 'slow_down', interval: 5 } });
  const [session] = await sessionsOf(agent);
  const approve = (by = ours.human) => by('POST', `/v1/sessions/${session?.id}/approve`);
  expect(session).toMatchObject({ state: 'pending', renewals_left: 3 });
  expect(await approve(ours.admin)).toMatchObject({ status: 403, body: { code: 'human_required' } });
  expect(await approve()).toMatchObject({ status: 200, body: { state: 'approved' } });
  expect(await approve()).toMatchObject({ status: 200, body: { state: 'approved' } });
  expect((await agent.token()).status).toBe(200);
  expect(await approve()).toMatchObject({ status: 409, body: { code: 'session_not_pending' } });
  expect((await agent.call('GET', '/v1/whoami')).status).toBe(200);

  expect(await agent.token()).toMatchObject({ status: 400, body: { error: 'authorization_pending' } });
  expect((await agent.call('GET', '/v1/whoami')).status).toBe(200);
  expect(await approve()).toMatchObject({ status: 200, body: { state: 'approved', renewals_left: 2 } });
  expect((await agent.token()).status).toBe(200);
  const actions = (await entriesAbout(identity, ours.id, agent.id)).map(({ action }) => action).slice(2);
  expect(actions).toEqual([
    'session.request',
    'approval.requested',
    'session.approve',
    'approval.approved',
    'session.begin',
    'session.request',
    'approval.requested',
    'session.approve',
    'approval.approved',
    'session.renew',
  ]);
});

test('an approval that comes too late is none', async () => {
  const agent = await newAgent('SACRED');
  await agent.token();
  const [session] = await sessionsOf(agent);
  identity.clock.aheadMs = APPROVAL_WAIT_MS + 1;
  // The person's factor is judged by the same clock, so another member shows it.
  const stale = await ours.human('POST', `/v1/sessions/${session?.id}/approve`);
  expect(stale.status).toBe(403);
  expect(await agent.token()).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
});

test('becoming SACRED ends the sessions that nobody approved', async () => {
  const agent = await newAgent();
  await agent.token();
  await ours.human('POST', `/v1/agents/${agent.id}/promote`, { tier: 'SACRED', reason: 'test' });
  expect(await agent.call('GET', '/v1/whoami')).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
  expect(await agent.token()).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
});

test('live sessions of an agent are bounded', async () => {
  const agent = await newAgent();
  await agent.token();
  for (let i = 1; i < SESSIONS_PER_AGENT_MAX; i += 1) {
    const another = agentWith(agent.id, agent.apiKey);
    another.nonce = agent.nonce;
    expect((await another.token()).status).toBe(200);
  }
  expect(await agentWith(agent.id, agent.apiKey).token()).toMatchObject({
    status: 400,
    body: { error: 'invalid_grant' },
  });
  expect((await agent.token()).status).toBe(200);
});

test('two requests with one new key at the same moment make one session', async () => {
  const agent = await newAgent();
  await agent.tokenOnce();
  const answers = await Promise.all([1, 2, 3, 4].map(() => agent.tokenOnce()));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(await sessionsOf(agent)).toMatchObject([{ renewals_left: 2 }]);
});

test('the metadata says what there is (RFC 8414), and the JWKS verifies tokens', async () => {
  const metadata = await (await fetch(`${identity.at.tenant}/.well-known/oauth-authorization-server`)).json();
  expect(metadata).toEqual({
    issuer: identity.at.tenant,
    token_endpoint: `${identity.at.tenant}/oauth/token`,
    revocation_endpoint: `${identity.at.tenant}/oauth/revoke`,
    jwks_uri: `${identity.at.tenant}/.well-known/jwks.json`,
    scopes_supported: ['use:credential'],
    response_types_supported: [],
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    dpop_signing_alg_values_supported: ['Ed25519', 'EdDSA', 'ES256'],
  });
});

test('a rotated token key signs from now on; tokens by the old one live out', async () => {
  const ops = await furnishedTenant(identity, PLATFORM_TENANT_ID);
  const agent = await newAgent();
  await agent.token();
  const kidOf = () => decodeProtectedHeader(agent.accessToken ?? '').kid;
  const jwks = async () => {
    const { keys } = (await (await fetch(`${identity.at.tenant}/.well-known/jwks.json`)).json()) as {
      keys: { kid: string }[];
    };
    return keys.map(({ kid }) => kid);
  };
  const before = kidOf();
  expect(await jwks()).toEqual([before]);
  expect((await ours.admin('POST', '/v1/token-keys/rotate')).status).toBe(404);
  const { status, body } = await ops.admin('POST', '/v1/token-keys/rotate');
  expect(status).toBe(201);
  expect(body).toMatchObject({ kty: 'OKP', crv: 'Ed25519', use: 'sig', alg: 'Ed25519' });
  expect(await jwks()).toEqual([body.kid, before]);
  expect((await agent.call('GET', '/v1/whoami')).status).toBe(200);
  await agent.token();
  expect(kidOf()).toBe(body.kid);
  expect((await agent.call('GET', '/v1/whoami')).status).toBe(200);
  const entry = (await entriesOf(identity, PLATFORM_TENANT_ID)).find(({ action }) => action === 'signing_key.rotate');
  expect(entry).toMatchObject({ outcome: 'success', details: { purpose: 'token', kid: body.kid, retired: [before] } });
  expect(entry?.actor).toMatch(/^service_key:key_/);
  identity.clock.aheadMs = 25 * HOUR_MS;
  expect(await jwks()).toEqual([body.kid]);
});

test('two processes that need the first key at once make one', async () => {
  const clock = { now: () => Date.now() };
  const build = () => {
    const acts = new AdministrativeActs(identity.open.tenants, clock);
    return new SigningKeys(identity.database.secret, identity.open.tenants, acts, clock);
  };
  const made = await Promise.all([
    build().active('checkpoint'),
    build().active('checkpoint'),
    build().active('checkpoint'),
  ]);
  expect(new Set(made.map(({ kid }) => kid)).size).toBe(1);
  const keys = build();
  const before = await keys.active('checkpoint');
  await keys.rotate('checkpoint', SIGNING_KEYS_CACHE_MS * 2, 'system:test');
  expect((await keys.active('checkpoint')).kid).not.toBe(before.kid);
  expect((await keys.published('checkpoint')).map(({ kid }) => kid)).toContain(before.kid);
  expect((await keys.active('token')).kid).not.toBe(before.kid);
});
