import * as oauth from 'oauth4webapi';
import { DpopNonce } from '../../src/identity/dpop-nonce.js';
import {
  type AppTenant,
  execute,
  expectStatus,
  MASTER_PASSWORD,
  startApp,
  storeCredential,
  type TestApp,
  UPSTREAM_URL,
} from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import { DpopAgent, newDpopKey, type ProofOptions } from '../support/dpop-agent.js';
import { callerOn } from '../support/identity.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(60_000);

const ROUTE = '/v1/credentials/key/execute';
const request = { method: 'GET', url: `${UPSTREAM_URL}/`, headers: { authorization: 'Bearer {{CREDENTIAL}}' } };
const body = JSON.stringify({ purpose: 'test', request });

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
afterAll(() => app?.close());

async function send(headers: Record<string, string>, at = app.at.tenant) {
  const answer = await fetch(at + ROUTE, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const nonceOfNow = () => app.app.get(DpopNonce, { strict: false }).current();

/** A use by this agent, with what a test does to its proof. */
async function use(change: Partial<ProofOptions> = {}, by = agent) {
  // A nonce counts for a minute or two, and nobody here asks a second time.
  const own = { accessToken: String(agent.accessToken), nonce: nonceOfNow() };
  const options = { htm: 'POST', htu: agent.base + ROUTE, ...own, ...change };
  return { authorization: `DPoP ${agent.accessToken}`, dpop: await by.proof(options) };
}

/** Entries but for outcomes, which are written behind an answer and belong to the use before. */
const acts = async (): Promise<number> =>
  (await entriesOf(app.open, tenant.id)).filter(({ entry }) => !entry.action.endsWith('.outcome')).length;

async function expectRefused(
  sent: Promise<{ status: number; body: Record<string, unknown> }>,
  code: string,
): Promise<void> {
  const [calls, entries] = [upstream.received.length, await acts()];
  const answer = await sent;
  expect([answer.status, answer.body.code]).toEqual([401, code]);
  expect(upstream.received).toHaveLength(calls);
  expect(await acts()).toBe(entries);
}

test('P10: oauth4webapi, unchanged, gets a token and uses a credential', async () => {
  const made = await tenant.admin<{ id: string; api_key: string }>('POST', '/v1/agents', { name: 'stranger' });
  expectStatus(
    await tenant.human('POST', `/v1/agents/${made.body.id}/promote`, { tier: 'COMPANION', reason: 'test' }),
    200,
  );
  expectStatus(await tenant.admin('PUT', `/v1/credentials/key/grants/${made.body.id}`), 200);
  const insecure = { [oauth.allowInsecureRequests]: true };
  const issuer = new URL(app.at.tenant);
  const server = await oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }),
  );
  const client: oauth.Client = { client_id: made.body.id };
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('Ed25519'));
  const ask = async () => {
    const secret = oauth.ClientSecretPost(made.body.api_key);
    const answer = await oauth.clientCredentialsGrantRequest(server, client, secret, new URLSearchParams(), {
      DPoP,
      ...insecure,
    });
    return oauth.processClientCredentialsResponse(server, client, answer);
  };
  const token = await ask().catch((error: unknown) => {
    if (oauth.isDPoPNonceError(error)) return ask();
    throw error;
  });
  const headers = new Headers({ 'content-type': 'application/json' });
  const answer = await oauth.protectedResourceRequest(
    token.access_token,
    'POST',
    new URL(ROUTE, issuer),
    headers,
    body,
    { DPoP, ...insecure },
  );
  expect(await answer.json()).toMatchObject({ status: 200, redactions: 0 });
  expect(upstream.received.at(-1)?.headers.authorization).toBe('Bearer sk-live-0123456789abcdef');
});

test('P10: the API key alone, a bearer of the token, and a token without its proof use nothing', async () => {
  const token = String(agent.accessToken);
  await expectRefused(send({ authorization: `Bearer ${agent.apiKey}` }), 'unauthenticated');
  await expectRefused(send({ authorization: `DPoP ${agent.apiKey}` }), 'invalid_token');
  await expectRefused(send({ authorization: `Bearer ${token}` }), 'unauthenticated');
  await expectRefused(send({ authorization: `DPoP ${token}` }), 'invalid_dpop_proof');
  await expectRefused(send({}), 'unauthenticated');
});

test('P10: a proof for another method, address or token, by another key, or stale, reaches no upstream', async () => {
  const thief = new DpopAgent(agent.base, agent.id, agent.apiKey, newDpopKey());
  const now = Math.floor(Date.now() / 1000);
  const changes: readonly Partial<ProofOptions>[] = [
    { htm: 'GET' },
    { htu: `${agent.base}/v1/credentials/other/execute` },
    { htu: `https://elsewhere.example${ROUTE}` },
    { accessToken: 'another.token.entirely' },
    { iat: now - 120 },
    { iat: now + 120 },
  ];
  for (const change of changes) await expectRefused(send(await use(change)), 'invalid_dpop_proof');
  await expectRefused(send(await use({}, thief)), 'invalid_dpop_proof');
  await expectRefused(send(await use({ nonce: 'made-up' })), 'use_dpop_nonce');
  const bare = await agent.proof({ htm: 'POST', htu: agent.base + ROUTE, nonce: nonceOfNow() });
  await expectRefused(send({ authorization: `DPoP ${agent.accessToken}`, dpop: bare }), 'invalid_dpop_proof');
});

test('P10: a proof is good for one use, whatever became of it, at any route, and of many at once one goes through', async () => {
  const once = await use();
  expect((await send(once)).status).toBe(200);
  await expectRefused(send(once), 'invalid_dpop_proof');
  const raced = await use();
  const calls = upstream.received.length;
  const answers = await Promise.all(Array.from({ length: 8 }, () => send(raced)));
  expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, ...Array<number>(7).fill(401)]);
  expect(upstream.received).toHaveLength(calls + 1);
  // Spent by a denial too.
  const brake = await tenant.admin<{ id: string }>('POST', '/v1/brakes', { scope: 'tenant', reason: 'test' });
  const denied = await use();
  expect((await send(denied)).body.code).toBe('brake_active');
  expectStatus(await tenant.human('POST', `/v1/brakes/${brake.body.id}/clear`, { reason: 'test' }), 200);
  await expectRefused(send(denied), 'invalid_dpop_proof');
});

test('a key that is revoked, forged or nonsense is nobody, in the same words', async () => {
  const revoked = await tenant.admin<{ id: string; key: string }>('POST', '/v1/service-keys', {
    name: 'gone',
    role: 'admin',
  });
  expectStatus(await tenant.admin('DELETE', `/v1/service-keys/${revoked.body.id}`), 204);
  const forged = `${tenant.key.slice(0, -4)}${tenant.key.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
  const told = [];
  for (const token of [revoked.body.key, forged, `chy_sk_${'A'.repeat(107)}`, 'nonsense']) {
    const answer = await callerOn(app.at.tenant, token)('GET', '/v1/agents');
    told.push({ status: answer.status, body: { ...answer.body, request_id: null } });
  }
  expect(told[0]).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  for (const one of told) expect(one).toEqual(told[0]);
});

test.each([
  ['NOVICE', 1, 5],
  ['COMPANION', 4, 10],
  ['PARTNER', 8, 20],
  ['GUARDIAN', 12, 15],
])('a %s gets tokens of %d hours, and %d renewals', async (tier, hours, renewals) => {
  const one = await app.newAgent(tenant, `tier-${tier.toLowerCase()}`, tier);
  for (let used = 0; used < renewals; used += 1) {
    const answer = await one.token();
    expect(answer.status).toBe(200);
    expect(Math.abs(Number(answer.body.expires_in) - hours * 3_600)).toBeLessThanOrEqual(2);
  }
  expect((await one.token()).body.error).toBe('invalid_grant');
});

test('P10: a proof used before a restart is a replay behind it', async () => {
  // The restart comes up on another port, so what comes back is a proof for that address with the same key and jti.
  const spent = await use({ jti: 'used-before-the-restart' });
  expect((await send(spent)).status).toBe(200);
  await app.restart();
  expectStatus(await app.staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }), 200);
  const same = new DpopAgent(app.at.tenant, agent.id, agent.apiKey, agent.key);
  expectStatus(await same.token(), 200);
  const options = {
    htm: 'POST',
    htu: same.base + ROUTE,
    accessToken: String(same.accessToken),
    jti: 'used-before-the-restart',
  };
  const headers = { authorization: `DPoP ${same.accessToken}`, dpop: await same.proof(options) };
  const calls = upstream.received.length;
  const answer = await send(headers, same.base);
  expect([answer.status, answer.body.code]).toEqual([401, 'invalid_dpop_proof']);
  expect(upstream.received).toHaveLength(calls);
  expect((await execute(same, 'key')).status).toBe(200);
});
