import { generateKeyPairSync } from 'node:crypto';
import { accessTokenHash } from '@chancery/protocol/dpop.js';
import { SignJWT } from 'jose';
import { PROOF_KEPT_MS, PruneProofs } from '../../src/identity/prune-proofs.js';
import { NONCE_EPOCH_MS } from '../../src/identity/dpop-nonce.js';
import { newUuid, publicId } from '../../src/platform/ids.js';
import { SigningKeys } from '../../src/tenancy/signing-keys.js';
import { asSuperuser } from '../support/database.js';
import { DpopAgent, type DpopKey, newDpopKey, proofBy } from '../support/dpop-agent.js';
import { furnishedTenant, type IdentityApp, startIdentity, type TestTenant } from '../support/identity.js';
import { rawExchange } from '../support/raw-http.js';

jest.setTimeout(60_000);

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
async function newAgent(key: DpopKey = newDpopKey()): Promise<DpopAgent> {
  const { body } = await ours.admin<{ id: string; api_key: string }>('POST', '/v1/agents', { name: `p${++count}` });
  const agent = new DpopAgent(
    identity.at.tenant,
    body.id,
    body.api_key,
    key,
    () => Date.now() + identity.clock.aheadMs,
  );
  await agent.token();
  return agent;
}
const whoami = () => `${identity.at.tenant}/v1/whoami`;
const tokenUrl = () => `${identity.at.tenant}/oauth/token`;
const ALGS = 'algs="Ed25519 EdDSA ES256"';

test.each(['Ed25519', 'EdDSA', 'ES256'] as const)('a %s key gets a token and calls with it', async (alg) => {
  const agent = await newAgent(newDpopKey(alg));
  expect(await agent.call('GET', '/v1/whoami')).toMatchObject({ status: 200, body: { id: agent.id } });
});

describe('P10: an API key alone opens nothing', () => {
  test('not at the token endpoint, not as a bearer token, not as a DPoP token', async () => {
    const agent = await newAgent();
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: agent.id,
      client_secret: agent.apiKey,
    });
    const answer = await fetch(tokenUrl(), { method: 'POST', body });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: 'invalid_dpop_proof' });
    const bearer = await fetch(whoami(), { headers: { authorization: `Bearer ${agent.apiKey}` } });
    expect(bearer.status).toBe(401);
    agent.accessToken = agent.apiKey;
    expect(await agent.call('GET', '/v1/whoami')).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
  });

  test('nor does a token without its key', async () => {
    const agent = await newAgent();
    const stolen = { authorization: `DPoP ${agent.accessToken}` };
    expect((await fetch(whoami(), { headers: { authorization: `Bearer ${agent.accessToken}` } })).status).toBe(401);
    const bare = await fetch(whoami(), { headers: stolen });
    expect(bare.status).toBe(401);
    expect(bare.headers.get('www-authenticate')).toContain(`DPoP error="invalid_dpop_proof"`);
    const thief = newDpopKey();
    const dpop = await proofBy(thief, {
      htm: 'GET',
      htu: whoami(),
      accessToken: agent.accessToken ?? '',
      nonce: agent.nonce ?? '',
    });
    const foreign = await fetch(whoami(), { headers: { ...stolen, dpop } });
    expect(foreign.status).toBe(401);
    expect(await foreign.json()).toMatchObject({ code: 'invalid_dpop_proof' });
  });
});

describe('P10: a proof', () => {
  const proofFor = async (agent: DpopAgent, change: Record<string, unknown> = {}) =>
    agent.proof({ htm: 'GET', htu: whoami(), accessToken: agent.accessToken ?? '', ...change });

  test('is good once, in every process, at resources and at the token endpoint', async () => {
    const agent = await newAgent();
    const dpop = await proofFor(agent);
    expect((await agent.callOnce('GET', '/v1/whoami', { dpop })).status).toBe(200);
    const replayed = await agent.callOnce('GET', '/v1/whoami', { dpop });
    expect(replayed).toMatchObject({
      status: 401,
      body: { code: 'invalid_dpop_proof', detail: 'This proof was used before.' },
    });
    const atToken = await agent.proof({ htm: 'POST', htu: tokenUrl() });
    expect((await agent.tokenOnce({}, atToken)).status).toBe(200);
    expect(await agent.tokenOnce({}, atToken)).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } });
  });

  test('raced against itself wins once', async () => {
    const agent = await newAgent();
    const dpop = await proofFor(agent);
    const answers = await Promise.all(Array.from({ length: 8 }, () => agent.callOnce('GET', '/v1/whoami', { dpop })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(7);
  });

  test('is spent by a request that is refused later on', async () => {
    const agent = await newAgent();
    await ours.admin('POST', `/v1/agents/${agent.id}/suspend`, { reason: 'test' });
    const dpop = await agent.proof({ htm: 'POST', htu: tokenUrl() });
    expect(await agent.tokenOnce({}, dpop)).toMatchObject({ body: { error: 'unauthorized_client' } });
    await ours.human('POST', `/v1/agents/${agent.id}/reinstate`, { reason: 'test' });
    expect(await agent.tokenOnce({}, dpop)).toMatchObject({ body: { error: 'invalid_dpop_proof' } });
  });

  test('is spent by nobody who is not its agent', async () => {
    const agent = await newAgent();
    const other = await newAgent();
    const dpop = await agent.proof({ htm: 'POST', htu: tokenUrl() });
    expect(await agent.tokenOnce({ client_secret: other.apiKey }, dpop)).toMatchObject({
      body: { error: 'invalid_client' },
    });
    expect((await agent.tokenOnce({}, dpop)).status).toBe(200);
  });

  test.each<[string, () => Record<string, unknown>]>([
    ['of another method', () => ({ htm: 'POST' })],
    ['in lower case', () => ({ htm: 'get' })],
    ['of another path', () => ({ htu: `${whoami()}x` })],
    ['of another host', () => ({ htu: 'https://evil.example/v1/whoami' })],
    ['of another port', () => ({ htu: 'http://127.0.0.1:1/v1/whoami' })],
    ['that is too old', () => ({ iat: Math.floor(Date.now() / 1000) - 62 })],
    ['from the future', () => ({ iat: Math.floor(Date.now() / 1000) + 90 })],
    ['with a short jti', () => ({ jti: 'short' })],
    ['with a long jti', () => ({ jti: 'x'.repeat(129) })],
    ['for another token', () => ({ accessToken: 'another' })],
  ])('%s is refused', async (_what, change) => {
    const agent = await newAgent();
    const answer = await agent.callOnce('GET', '/v1/whoami', { dpop: await proofFor(agent, change()) });
    expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_dpop_proof' } });
    expect(answer.headers.get('www-authenticate')).toMatch(
      new RegExp(`^DPoP error="invalid_dpop_proof", error_description="[^"]+", ${ALGS}$`),
    );
    expect(answer.headers.get('dpop-nonce')).toBe(agent.nonce);
  });

  test('without ath is refused at a resource', async () => {
    const agent = await newAgent();
    const dpop = await agent.proof({ htm: 'GET', htu: whoami() });
    expect(await agent.callOnce('GET', '/v1/whoami', { dpop })).toMatchObject({
      status: 401,
      body: { code: 'invalid_dpop_proof' },
    });
  });

  test('may name its URI in any equivalent spelling, with its query', async () => {
    const agent = await newAgent();
    const upper = whoami().replace('http://127', 'HTTP://127').replace('whoami', '%77hoami?x=1#y');
    expect((await agent.callOnce('GET', '/v1/whoami', { dpop: await proofFor(agent, { htu: upper }) })).status).toBe(
      200,
    );
  });

  test('that is none is refused', async () => {
    const agent = await newAgent();
    for (const dpop of ['', 'nonsense', 'a.b', 'a.b.c', '..', 'x'.repeat(5_000)]) {
      expect([400, 401]).toContain((await agent.callOnce('GET', '/v1/whoami', { dpop })).status);
      expect([400]).toContain((await agent.tokenOnce({}, dpop)).status);
    }
  });

  test('twice in one request is refused, whichever is good', async () => {
    const agent = await newAgent();
    const [one, two] = [await proofFor(agent), await proofFor(agent)];
    const { host } = new URL(identity.at.tenant);
    const lines = [
      'GET /v1/whoami HTTP/1.1',
      `Host: ${host}`,
      `Authorization: DPoP ${agent.accessToken}`,
      `DPoP: ${one}`,
      `DPoP: ${two}`,
    ];
    const answer = await rawExchange(identity.at.tenant, [`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`]);
    expect(answer.status).toBe(400);
    const joined = await agent.callOnce('GET', '/v1/whoami', { dpop: `${one}, ${two}` });
    expect(joined).toMatchObject({ status: 401, body: { code: 'invalid_dpop_proof' } });
  });

  test('is checked against the configured origin, whatever Host and X-Forwarded-* say', async () => {
    const agent = await newAgent();
    const forged = await proofFor(agent, { htu: 'https://api.example/v1/whoami' });
    const headers = {
      dpop: forged,
      'x-forwarded-host': 'api.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=api.example;proto=https',
    };
    expect((await agent.callOnce('GET', '/v1/whoami', headers)).status).toBe(401);
    const lines = [
      'GET /v1/whoami HTTP/1.1',
      'Host: api.example',
      `Authorization: DPoP ${agent.accessToken}`,
      `DPoP: ${forged}`,
    ];
    expect((await rawExchange(identity.at.tenant, [`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`])).status).toBe(
      401,
    );
  });
});

describe('P10: the key of a proof', () => {
  const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const tokenWith = async (agent: DpopAgent, header: object, signature: Buffer<ArrayBuffer> = Buffer.alloc(64)) => {
    const claims = {
      htm: 'POST',
      htu: tokenUrl(),
      iat: Math.floor(Date.now() / 1000),
      jti: newUuid(),
      nonce: agent.nonce,
    };
    return agent.tokenOnce({}, `${b64(header)}.${b64(claims)}.${signature.toString('base64url')}`);
  };

  test('must not be private, symmetric, of small order, off the curve, or of another kind', async () => {
    const agent = await newAgent();
    const { privateKey } = generateKeyPairSync('ed25519');
    const jwk = privateKey.export({ format: 'jwk' });
    const okp = (bytes: Buffer) => ({ kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') });
    const identityPoint = Buffer.from(`01${'00'.repeat(31)}`, 'hex');
    // With the identity as key, R = [S]B holds for S = 0 and R = identity, whatever the message.
    const universal = Buffer.concat([identityPoint, Buffer.alloc(32)]);
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' });
    const refused: [why: RegExp, header: object, signature?: Buffer<ArrayBuffer>][] = [
      [/the key/i, { typ: 'dpop+jwt', alg: 'Ed25519', jwk }],
      [/the key/i, { typ: 'dpop+jwt', alg: 'Ed25519', jwk: okp(identityPoint) }, universal],
      [/the key/i, { typ: 'dpop+jwt', alg: 'EdDSA', jwk: okp(Buffer.alloc(32)) }, universal],
      [/the key/i, { typ: 'dpop+jwt', alg: 'Ed25519', jwk: okp(Buffer.alloc(32, 0xff)) }],
      [/algorithm/, { typ: 'dpop+jwt', alg: 'HS256', jwk: { kty: 'oct', k: 'AAAA' } }],
      [/algorithm/, { typ: 'dpop+jwt', alg: 'none', jwk: okp(identityPoint) }],
      [/algorithm/, { typ: 'dpop+jwt', alg: 'RS256', jwk: rsa }],
      [/algorithm/, { typ: 'dpop+jwt', alg: 'ES384', jwk: p384 }],
      [/the key/i, { typ: 'dpop+jwt', alg: 'ES256', jwk: p384 }],
      [/algorithm/, { typ: 'dpop+jwt', alg: 'ES256', jwk: agent.key.jwk }],
      [/header/, { typ: 'jwt', alg: 'Ed25519', jwk: agent.key.jwk }],
      [/header/, { typ: 'dpop+jwt', alg: 'Ed25519', jwk: agent.key.jwk, jku: 'https://evil.example' }],
      [/signature/, { typ: 'dpop+jwt', alg: 'Ed25519', jwk: agent.key.jwk }],
    ];
    for (const [why, header, signature] of refused) {
      const answer = await tokenWith(agent, header, signature);
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } });
      expect(answer.body.error_description).toMatch(why);
    }
  });
});

describe('the nonce', () => {
  test('counts for its minute and the next, and the next is offered before it is refused', async () => {
    // From the midst of a minute, so that none ends while this goes on.
    const into = NONCE_EPOCH_MS / 2;
    const ahead = (NONCE_EPOCH_MS + into - (Date.now() % NONCE_EPOCH_MS)) % NONCE_EPOCH_MS;
    identity.clock.aheadMs = ahead;
    const agent = await newAgent();
    const first = agent.nonce;
    expect((await agent.callOnce('GET', '/v1/whoami')).headers.get('dpop-nonce')).toBeNull();
    identity.clock.aheadMs = ahead + NONCE_EPOCH_MS;
    const second = await agent.callOnce('GET', '/v1/whoami');
    expect(second.status).toBe(200);
    expect(second.headers.get('dpop-nonce')).not.toBe(first);
    expect(second.headers.get('dpop-nonce')).toBe(agent.nonce);
    expect((await agent.callOnce('GET', '/v1/whoami')).headers.get('dpop-nonce')).toBeNull();
    agent.nonce = first;
    identity.clock.aheadMs = ahead + 2 * NONCE_EPOCH_MS - into + 1; // the second minute has just begun
    const third = await agent.callOnce('GET', '/v1/whoami');
    expect(third).toMatchObject({ status: 401, body: { code: 'use_dpop_nonce' } });
    expect(third.headers.get('www-authenticate')).toContain('DPoP error="use_dpop_nonce"');
    expect((await agent.callOnce('GET', '/v1/whoami')).status).toBe(200);
  });

  test('is required everywhere', async () => {
    const agent = await newAgent();
    agent.nonce = undefined;
    expect(await agent.callOnce('GET', '/v1/whoami')).toMatchObject({ status: 401, body: { code: 'use_dpop_nonce' } });
    const made = await agent.proof({
      htm: 'GET',
      htu: whoami(),
      accessToken: agent.accessToken ?? '',
      nonce: 'A'.repeat(22),
    });
    expect(await agent.callOnce('GET', '/v1/whoami', { dpop: made })).toMatchObject({
      body: { code: 'use_dpop_nonce' },
    });
  });
});

describe('a token', () => {
  const claimsOf = (token: string) =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
  const tryWith = async (agent: DpopAgent, token: string) => {
    const dpop = await agent.proof({ htm: 'GET', htu: whoami(), accessToken: token });
    const answer = await fetch(whoami(), { headers: { authorization: `DPoP ${token}`, dpop } });
    return { status: answer.status, body: await answer.json() };
  };

  test('of another key, type, issuer, audience or shape is none', async () => {
    const agent = await newAgent();
    const token = agent.accessToken ?? '';
    const claims = claimsOf(token);
    const { kid, privateKey } = await identity.app.get(SigningKeys, { strict: false }).active('token');
    const foreign = generateKeyPairSync('ed25519').privateKey;
    const make = (payload: object, header: object = {}, key = privateKey) =>
      new SignJWT(payload as never).setProtectedHeader({ alg: 'Ed25519', typ: 'at+jwt', kid, ...header }).sign(key);
    expect((await tryWith(agent, await make(claims))).status).toBe(200);
    const bad = [
      await make(claims, {}, foreign),
      await make(claims, { kid: 'another' }),
      await make(claims, { typ: 'JWT' }),
      await make(claims, { alg: 'EdDSA' }),
      await make({ ...claims, iss: 'https://evil.example' }),
      await make({ ...claims, aud: 'https://evil.example' }),
      await make({ ...claims, exp: Math.floor(Date.now() / 1000) - 1 }),
      await make({ ...claims, sub: publicId('agt', newUuid()) }),
      await make({ ...claims, tenant: 'acme' }),
      await make({ ...claims, cnf: {} }),
      await make({ ...claims, cnf: undefined }),
      `${token.slice(0, -4)}AAAA`,
      `${token}.x`,
      `${token.split('.')[0]}..`,
    ];
    for (const each of bad)
      expect(await tryWith(agent, each)).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
  });

  test('of another tenant’s session is none', async () => {
    const agent = await newAgent();
    const claims = claimsOf(agent.accessToken ?? '');
    const theirs = await furnishedTenant(identity);
    const { kid, privateKey } = await identity.app.get(SigningKeys, { strict: false }).active('token');
    const token = await new SignJWT({ ...claims, tenant: publicId('ten', theirs.id) })
      .setProtectedHeader({ alg: 'Ed25519', typ: 'at+jwt', kid })
      .sign(privateKey);
    expect(await tryWith(agent, token)).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
  });

  test('works on the tenant surface only, and opens no administration', async () => {
    const agent = await newAgent();
    expect((await agent.call('GET', '/v1/agents')).status).toBe(403);
    const htu = `${identity.at.ops}/v1/whoami`;
    const dpop = await agent.proof({ htm: 'GET', htu, accessToken: agent.accessToken ?? '' });
    expect((await fetch(htu, { headers: { authorization: `DPoP ${agent.accessToken}`, dpop } })).status).toBe(401);
  });
});

test('proof ids are kept for five minutes, and then pruned', async () => {
  const tenant = await furnishedTenant(identity);
  const { body } = await tenant.admin<{ id: string; api_key: string }>('POST', '/v1/agents', { name: 'pruned' });
  await new DpopAgent(identity.at.tenant, body.id, body.api_key).token();
  const kept = () =>
    asSuperuser(identity.database.adminUrl, async (admin) => {
      const { rows } = await admin.query<{ n: string }>(
        'select count(*) n from chancery.dpop_jtis where tenant_id = $1',
        [tenant.id],
      );
      return Number(rows[0]?.n);
    });
  const prune = identity.app.get(PruneProofs, { strict: false });
  expect(await kept()).toBe(1);
  expect(await prune.execute(tenant.id)).toBe(0);
  identity.clock.aheadMs = PROOF_KEPT_MS + 5_000;
  expect(await prune.execute(ours.id)).toBeGreaterThan(1);
  expect(await prune.execute(tenant.id)).toBe(1);
  expect(await kept()).toBe(0);
});

test('ath is what RFC 9449 says', () => {
  expect(accessTokenHash('Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU')).toBe(
    'fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo',
  );
});
