import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { calculateThumbprint, generateKeyPair, generateProof } from 'dpop';
import fc from 'fast-check';
import { toBase64Url } from './base64.js';
import { BoundedCache } from './bounded-cache.js';
import { utf8 } from './bytes.js';
import { accessTokenHash, checkDpopProof, type DpopAlgorithm, type DpopCheck, dpopJtiHash } from './dpop.js';
import { createDpopProof, type DpopProofInput } from './dpop-create.js';
import { type PublicJwk, parsePublicJwk, thumbprint } from './jwk.js';
import { sha256Hex } from './sha256.js';

const NOW = 1_795_332_600;
const HTU = 'https://api.example.com/v1/credentials/openai/execute';

function keyOf(pair: { publicKey: KeyObject; privateKey: KeyObject }, alg: DpopAlgorithm) {
  const parsed = parsePublicJwk(pair.publicKey.export({ format: 'jwk' }));
  if (!parsed.ok) throw new Error(parsed.reason);
  const digest = alg === 'ES256' ? 'sha256' : null;
  const key = { key: pair.privateKey, dsaEncoding: 'ieee-p1363' as const };
  return { alg, publicJwk: parsed.jwk, sign: (input: Uint8Array) => Uint8Array.from(sign(digest, input, key)) };
}

const ed = keyOf(generateKeyPairSync('ed25519'), 'Ed25519');
const ec = keyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'ES256');

function nodeVerify(alg: DpopAlgorithm, jwk: PublicJwk, input: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
  return verify(alg === 'ES256' ? 'sha256' : null, input, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

const proofInput = (more: Partial<DpopProofInput> = {}): DpopProofInput => ({
  ...ed,
  htm: 'POST',
  htu: HTU,
  jti: 'jti-0123456789',
  iat: NOW,
  nonce: 'good',
  accessToken: 'token',
  ...more,
});
const check = (proof: string, more: Partial<DpopCheck> = {}) =>
  checkDpopProof({
    proof,
    htm: 'POST',
    htu: HTU,
    now: NOW,
    accessToken: 'token',
    nonce: (value: string) => value === 'good',
    verify: nodeVerify,
    ...more,
  });

/** A signed proof of any header and claims, to get at what createDpopProof would never make. */
function forge(header: unknown, claims: unknown, key = ed): string {
  const input = [header, claims].map((part) =>
    toBase64Url(utf8(typeof part === 'string' ? part : JSON.stringify(part))),
  );
  return `${input.join('.')}.${toBase64Url(key.sign(utf8(input.join('.'))))}`;
}
const header = { typ: 'dpop+jwt', alg: 'Ed25519', jwk: ed.publicJwk as object };
const claims = {
  jti: 'jti-0123456789',
  htm: 'POST',
  htu: HTU,
  iat: NOW,
  nonce: 'good',
  ath: accessTokenHash('token'),
};

test.each([
  ['Ed25519', ed],
  ['EdDSA', { ...ed, alg: 'EdDSA' as const }],
  ['ES256', ec],
])('a proof by %s is good, and says whose it is', async (_, key) => {
  const jkt = thumbprint(key.publicJwk);
  expect(await check(await createDpopProof(proofInput(key)), { expectedJkt: jkt })).toEqual({
    ok: true,
    jkt,
    jti: 'jti-0123456789',
    iat: NOW,
    jtiHash: sha256Hex(`${jkt}jti-0123456789`),
  });
});

test.each(['Ed25519', 'ES256'] as const)('the dpop package makes proofs we take, by %s', async (alg) => {
  const pair = await generateKeyPair(alg);
  const proof = await generateProof(pair, HTU, 'POST', 'good', 'token');
  const now = Math.floor(Date.now() / 1_000);
  const result = await check(proof, { now, expectedJkt: await calculateThumbprint(pair.publicKey) });
  expect(result).toMatchObject({ ok: true });
});

test.each<[string, Partial<DpopProofInput>, Partial<DpopCheck>, string]>([
  ['another method', { htm: 'GET' }, {}, 'htm'],
  ['another case of the method', { htm: 'post' }, {}, 'htm'],
  ['another path', { htu: `${HTU}/x` }, {}, 'htu'],
  ['another host', { htu: 'https://evil.example/v1/credentials/openai/execute' }, {}, 'htu'],
  ['cleartext', { htu: HTU.replace('https', 'http') }, {}, 'htu'],
  ['no URI', { htu: 'execute' }, {}, 'htu'],
  ['a request URI without a normal form', { htu: 'nowhere' }, { htu: 'nowhere' }, 'htu'],
  ['61 seconds old', { iat: NOW - 61 }, {}, 'iat'],
  ['61 seconds early', { iat: NOW + 61 }, {}, 'iat'],
  ['outside a narrower window', { iat: NOW - 6 }, { iatWindowSeconds: 5 }, 'iat'],
  ['any time while the clock is broken', {}, { now: NaN }, 'iat'],
  ['a jti of 7', { jti: '1234567' }, {}, 'jti'],
  ['a jti of 129', { jti: 'j'.repeat(129) }, {}, 'jti'],
  ['another token', { accessToken: 'other' }, {}, 'ath'],
  ['no token where one is sent', { accessToken: undefined as never }, {}, 'ath'],
  ['another key than the token names', {}, { expectedJkt: 'x'.repeat(43) }, 'jkt'],
  ['a bad signature', { sign: () => new Uint8Array(64) }, {}, 'signature'],
  ['a signature of another length', { sign: () => new Uint8Array(63) }, { verify: () => true }, 'signature'],
])('refuses %s', async (_, input, more, reason) => {
  expect(await check(await createDpopProof(proofInput(input)), more)).toEqual({ ok: false, reason });
});

test.each<[string, Partial<DpopProofInput>, Partial<DpopCheck>]>([
  ['sixty seconds old', { iat: NOW - 60 }, {}],
  ['sixty seconds early', { iat: NOW + 60 }, {}],
  [
    'a URI that normalises to the same',
    { htu: 'HTTPS://API.example.com:443/v1/./credentials/%6fpenai/execute?x#y' },
    {},
  ],
  ['a request URI not yet normal', {}, { htu: `${HTU.replace('https', 'HTTPS')}?page=2` }],
  ['ath where no token is expected', {}, { accessToken: undefined as never }],
  ['a jti of 8', { jti: '12345678' }, {}],
  ['a jti of 128', { jti: 'j'.repeat(128) }, {}],
])('takes %s', async (_, input, more) => {
  expect(await check(await createDpopProof(proofInput(input)), more)).toMatchObject({ ok: true });
});

test.each([undefined, 'stale'])('without a good nonce (%s) it asks for one', async (nonce) => {
  const proof = await createDpopProof(proofInput({ nonce: nonce as string }));
  expect(await check(proof)).toEqual({ ok: false, reason: 'use_dpop_nonce', useNonce: true });
});

test.each([
  ['typ JWT', { ...header, typ: 'JWT' }, 'header'],
  ['no typ', { alg: 'Ed25519', jwk: ed.publicJwk }, 'header'],
  ['typ in capitals', { ...header, typ: 'DPOP+JWT' }, 'header'],
  ['crit', { ...header, crit: ['exp'] }, 'header'],
  ['kid beside jwk', { ...header, kid: 'k' }, 'header'],
  ['jku in place of jwk', { typ: 'dpop+jwt', alg: 'Ed25519', jku: 'https://evil.example' }, 'header'],
  ['alg none', { ...header, alg: 'none' }, 'alg'],
  ['alg HS256', { ...header, alg: 'HS256' }, 'alg'],
  ['alg RS256', { ...header, alg: 'RS256' }, 'alg'],
  ['alg of another case', { ...header, alg: 'ed25519' }, 'alg'],
  ['ES256 with an Ed25519 key', { ...header, alg: 'ES256' }, 'alg'],
  ['EdDSA with a P-256 key', { ...header, alg: 'EdDSA', jwk: ec.publicJwk }, 'alg'],
  ['a private key', { ...header, jwk: { ...ed.publicJwk, d: 'AA' } }, 'jwk'],
  ['a symmetric key', { ...header, jwk: { kty: 'oct', k: 'AA' } }, 'jwk'],
  ['the key of small order', { ...header, jwk: { kty: 'OKP', crv: 'Ed25519', x: `AQ${'A'.repeat(41)}` } }, 'jwk'],
  ['jwk null', { ...header, jwk: null }, 'jwk'],
  ['a header twice over', `{"typ":"dpop+jwt","alg":"none","alg":"Ed25519","jwk":{}}`, 'malformed'],
])('refuses a header with %s', async (_, bad, reason) => {
  expect(await check(forge(bad, claims))).toEqual({ ok: false, reason });
});

test.each([
  ['no jti', { ...claims, jti: undefined }, 'claims'],
  ['a jti that is a number', { ...claims, jti: 12_345_678 }, 'claims'],
  ['iat as text', { ...claims, iat: `${NOW}` }, 'claims'],
  ['htm missing', { ...claims, htm: undefined }, 'claims'],
  ['htu as an array', { ...claims, htu: [HTU] }, 'claims'],
  ['iat as a fraction', { ...claims, iat: NOW + 0.5 }, 'malformed'],
  ['a nonce that is an object', { ...claims, nonce: {} }, 'use_dpop_nonce'],
  ['a claim twice', JSON.stringify(claims).replace('{', '{"htm":"GET",'), 'malformed'],
  ['no object', [claims], 'malformed'],
])('refuses claims with %s', async (_, bad, reason) => {
  expect(await check(forge(header, bad))).toMatchObject({ ok: false, reason });
});

test('the server decides what a nonce is, before any signature is verified', async () => {
  const tried = jest.fn(() => true);
  await check(await createDpopProof(proofInput({ nonce: 'stale' })), { verify: tried });
  expect(tried).not.toHaveBeenCalled();
});

test('a key that the token does not name costs no curve arithmetic and no place in the cache', async () => {
  const headers = new BoundedCache<string, never>(4);
  const smallOrder = { kty: 'OKP', crv: 'Ed25519', x: `AQ${'A'.repeat(41)}` };
  const proof = forge({ ...header, jwk: smallOrder }, claims);
  expect(await check(proof, { headers, expectedJkt: thumbprint(ed.publicJwk) })).toMatchObject({ reason: 'jkt' });
  expect(await check(proof, { headers, verify: () => true })).toEqual({ ok: false, reason: 'jwk' });
  expect(headers.size).toBe(0);
});

test('a cache of headers spares the parse, keeps only good ones, and changes no verdict', async () => {
  const headers = new BoundedCache<string, never>(4);
  const proof = await createDpopProof(proofInput());
  const first = await check(proof, { headers });
  expect(first).toMatchObject({ ok: true });
  expect(headers.size).toBe(1);
  expect(await check(proof, { headers })).toEqual(first);
  expect(await check(await createDpopProof(proofInput({ ...ec })), { headers })).toMatchObject({ ok: true });
  const before = headers.size;
  expect(await check(forge({ ...header, alg: 'none' }, claims), { headers })).toMatchObject({ reason: 'alg' });
  expect(headers.size).toBe(before);
  const altered = `${proof.slice(0, -4)}AAAA`;
  expect(await check(altered, { headers })).toEqual({ ok: false, reason: 'signature' });
});

test('garbage of any kind is data, never an exception', async () => {
  const proof = await createDpopProof(proofInput());
  const mutated = fc
    .tuple(fc.nat(proof.length - 1), fc.constantFrom('', '.', 'A', '_', '=', '\u0000', 'é'))
    .map(([at, put]) => proof.slice(0, at) + put + proof.slice(at + 1))
    .filter((text) => text !== proof);
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        mutated,
        fc.string(),
        fc.string().map((s) => `${s}.${s}.${s}`),
      ),
      async (text) => {
        expect((await check(text)).ok).toBe(false);
      },
    ),
    { numRuns: 300 },
  );
});

test('a proof of 4 096 characters is read, one longer is not', async () => {
  const padded = (length: number) => forge(header, { ...claims, more: 'm'.repeat(length) });
  const room = 4_096 - padded(0).length;
  const long = padded(Math.floor((room * 3) / 4));
  expect([4_095, 4_096]).toContain(long.length);
  expect(await check(long)).toMatchObject({ ok: true });
  expect(await check(padded(Math.floor((room * 3) / 4) + 3))).toEqual({ ok: false, reason: 'malformed' });
});

test('the single-use hash separates keys and ids', () => {
  expect(dpopJtiHash('k'.repeat(43), 'jti')).toBe(sha256Hex(`${'k'.repeat(43)}jti`));
  expect(dpopJtiHash('a', 'b', () => Uint8Array.of(0xab))).toBe('ab');
});

test('createDpopProof sends no query, no private member and no absent claim', async () => {
  const jwk = Object.assign({ d: 'secret' }, ed.publicJwk);
  const input = { ...proofInput(), publicJwk: jwk, htu: `${HTU}?a=1#b` };
  delete input.nonce;
  delete input.accessToken;
  const [head, body] = (await createDpopProof(input))
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString());
  expect(JSON.parse(head!)).toEqual({ typ: 'dpop+jwt', alg: 'Ed25519', jwk: ed.publicJwk });
  expect(JSON.parse(body!)).toEqual({ jti: 'jti-0123456789', htm: 'POST', htu: HTU, iat: NOW });
});
