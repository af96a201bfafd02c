import { decodeJwt, decodeProtectedHeader } from 'jose';
import { AGENT_ID, AGENT_KEY, FakeChancery } from '../test/fake-chancery.js';
import { AgentSession } from './agent-session.js';
import { HttpClient } from './http.js';

let fake: FakeChancery;
let http: HttpClient;
let now: Date;
beforeEach(async () => {
  fake = await new FakeChancery().start();
  now = new Date('2026-11-22T08:00:00.000Z');
  fake.now = () => now;
  http = new HttpClient({ baseUrl: fake.tenant.url });
});
afterEach(async () => {
  await http.close();
  await fake.stop();
});

const PATH = '/v1/credentials/k/execute';
const session = (apiKey = AGENT_KEY) => new AgentSession({ http, agentId: AGENT_ID, apiKey, now: () => now });
const execute = (of: AgentSession) => of.send({ method: 'POST', path: PATH, json: { purpose: 'p', request: {} } });
const asked = () => fake.tenant.asked.map(({ path }) => path);
const proofs = () => fake.tenant.asked.map(({ headers }) => String(headers.dpop));

test('the first call learns the nonce, gets a token, and is answered', async () => {
  await expect(execute(session())).resolves.toMatchObject({ status: 200 });
  expect(asked()).toEqual(['/oauth/token', '/oauth/token', PATH]);
});

test('later calls use the same token and key, each with a proof of its own', async () => {
  const agent = session();
  for (let i = 0; i < 3; i += 1) expect((await execute(agent)).status).toBe(200);
  expect(fake.tokens).toBe(1);
  expect(new Set(proofs().map((proof) => decodeJwt(proof).jti)).size).toBe(proofs().length);
  expect(new Set(proofs().map((proof) => JSON.stringify(decodeProtectedHeader(proof).jwk))).size).toBe(1);
});

test('a proof holds no private member, and its htu neither query nor fragment', async () => {
  await session().send({ method: 'POST', path: `${PATH}?a=1#b`, json: {} });
  const header = decodeProtectedHeader(proofs().at(-1)!);
  expect(header).toEqual({
    typ: 'dpop+jwt',
    alg: 'Ed25519',
    jwk: { kty: 'OKP', crv: 'Ed25519', x: expect.any(String) },
  });
  expect(decodeJwt(proofs().at(-1)!).htu).toBe(fake.tenant.url + PATH);
});

test('a nonce that changes in between costs one more request, not a failure', async () => {
  const agent = session();
  await execute(agent);
  fake.nonce = 'nonce-2';
  expect((await execute(agent)).status).toBe(200);
  expect(asked().slice(3)).toEqual([PATH, PATH]);
});

test('a server that asks for a nonce again and again is asked twice, not for ever', async () => {
  fake.tenant.on('POST /oauth/token', () => ({
    status: 400,
    headers: { 'dpop-nonce': String(fake.tenant.asked.length) },
    json: { error: 'use_dpop_nonce' },
  }));
  await expect(execute(session())).rejects.toMatchObject({ code: 'use_dpop_nonce' });
  expect(asked()).toHaveLength(2);
});

test('calls at the same time share one token', async () => {
  const agent = session();
  const answers = await Promise.all([execute(agent), execute(agent), execute(agent)]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(fake.tokens).toBe(1);
});

test('the token is renewed before it expires, with the same key', async () => {
  const agent = session();
  await execute(agent);
  now = new Date(now.getTime() + 58 * 60_000);
  await execute(agent);
  expect(fake.tokens).toBe(1);
  now = new Date(now.getTime() + 90_000);
  await execute(agent);
  expect(fake.tokens).toBe(2);
  expect(new Set(proofs().map((proof) => JSON.stringify(decodeProtectedHeader(proof).jwk))).size).toBe(1);
});

test('an ended session is followed by one new session with a new key', async () => {
  const agent = session();
  await execute(agent);
  fake.revokedTokens.add(String(fake.tenant.asked.at(-1)!.headers.authorization).slice('DPoP '.length));
  expect((await execute(agent)).status).toBe(200);
  expect(fake.tokens).toBe(2);
  expect(new Set(proofs().map((proof) => JSON.stringify(decodeProtectedHeader(proof).jwk))).size).toBe(2);
});

describe('a session that waits for the approval of a person', () => {
  const pending = { status: 400, json: { error: 'authorization_pending' } };
  const waiting = (sleep: (ms: number) => Promise<void>, more = {}) =>
    new AgentSession({
      http,
      agentId: AGENT_ID,
      apiKey: AGENT_KEY,
      now: () => now,
      sleep,
      onPending: () => undefined,
      ...more,
    });

  test('asks again with the same key until it is approved', async () => {
    let asks = 0;
    const agent = waiting(async () => {
      asks += 1;
      if (asks === 3) fake.approve();
    });
    fake.tenant.on('POST /oauth/token', pending);
    expect((await execute(agent)).status).toBe(200);
    expect(asks).toBe(3);
    expect(new Set(proofs().map((proof) => JSON.stringify(decodeProtectedHeader(proof).jwk))).size).toBe(1);
  });

  test('gives up when the wait is over, and at once when nobody waits', async () => {
    fake.tenant.on('POST /oauth/token', pending);
    const slept: number[] = [];
    const agent = waiting(async (ms) => void slept.push(ms), { approvalWaitMs: 12_000 });
    await expect(execute(agent)).rejects.toMatchObject({ code: 'authorization_pending' });
    expect(slept).toEqual([5_000, 5_000, 5_000]);
    await expect(execute(session())).rejects.toMatchObject({ code: 'authorization_pending' });
  });
});

test('a session without renewals left is followed by one with a new key', async () => {
  const agent = session();
  await execute(agent);
  now = new Date(now.getTime() + 3_600_000);
  fake.refuseRenewals = true;
  expect((await execute(agent)).status).toBe(200);
  expect(new Set(proofs().map((proof) => JSON.stringify(decodeProtectedHeader(proof).jwk))).size).toBe(2);
});

describe('the end of a session', () => {
  test('is told to the server, with the key it was made for; the next call begins another', async () => {
    const agent = session();
    await execute(agent);
    fake.tenant.on('POST /oauth/revoke', { status: 200 });
    await agent.end();
    const [told] = fake.tenant.to('POST /oauth/revoke');
    expect(new URLSearchParams(told!.text).get('token')).toMatch(/^at\.1\./);
    const keys = [0, -1].map((at) => decodeProtectedHeader(proofs().at(at)!).jwk);
    expect(keys[0]).toEqual(keys[1]);
    expect(decodeJwt(String(told!.headers.dpop))).toMatchObject({
      htm: 'POST',
      htu: `${fake.tenant.url}/oauth/revoke`,
    });
    expect((await execute(agent)).status).toBe(200);
    expect(fake.tokens).toBe(2);
  });

  test('is not told by a session that never began', async () => {
    await session().end();
    expect(asked()).toEqual([]);
  });

  test('disturbs nobody when the server does not know it or is gone', async () => {
    const [one, two] = [session(), session()];
    await execute(one);
    await execute(two);
    await one.end();
    await fake.tenant.stop();
    await expect(two.end()).resolves.toBeUndefined();
    await fake.tenant.start();
  });
});

test('a wrong API key is invalid_client, and is not tried again', async () => {
  await expect(execute(session('chy_ak_wrong'))).rejects.toMatchObject({ code: 'invalid_client', status: 401 });
  expect(asked()).toHaveLength(2);
});

test('a token of another type is refused', async () => {
  fake.tenant.on('POST /oauth/token', { status: 200, json: { access_token: 'x', token_type: 'Bearer' } });
  await expect(execute(session())).rejects.toMatchObject({ code: 'unexpected_answer' });
});

test('a refusal by the server is not repeated', async () => {
  fake.tenant.on(`POST ${PATH}`, { status: 403, json: { code: 'brake_active' } });
  expect((await execute(session())).status).toBe(403);
  expect(fake.tenant.to(`POST ${PATH}`)).toHaveLength(1);
});
