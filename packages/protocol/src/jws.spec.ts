import { createPublicKey, verify } from 'node:crypto';
import { CompactSign, generateKeyPair } from 'jose';
import { describeVectors, readVectors } from '../test/vectors.js';
import { fromBase64Url, toBase64Url } from './base64.js';
import { utf8 } from './bytes.js';
import { type PublicJwk, parsePublicJwk, publicKeyBytes, thumbprint } from './jwk.js';
import { type JwsVerifier, parseCompactJws, verifyCompactJws } from './jws.js';
import { verifyStrict } from './strict-ed25519.js';

const segment = (text: string) => toBase64Url(utf8(text));
const header = segment('{"alg":"Ed25519"}');
const good = `${header}.${segment('payload')}.${toBase64Url(new Uint8Array(64))}`;

test('takes apart what jose signed', async () => {
  const { privateKey, publicKey } = await generateKeyPair('Ed25519');
  const text = await new CompactSign(utf8('hello')).setProtectedHeader({ alg: 'Ed25519', kid: 'k1' }).sign(privateKey);
  const parsed = parseCompactJws(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  expect(parsed.jws.header).toEqual({ alg: 'Ed25519', kid: 'k1' });
  expect(parsed.jws.headerSegment).toBe(text.split('.')[0]);
  expect(parsed.jws.payload).toEqual(utf8('hello'));
  const key = fromBase64Url((await crypto.subtle.exportKey('jwk', publicKey)).x!)!;
  const check: JwsVerifier = (_, input, signature) => verifyStrict(key, input, signature);
  expect(await verifyCompactJws(parsed.jws, ['Ed25519'], check)).toBe(true);
  expect(await verifyCompactJws(parsed.jws, ['Ed25519'], () => false)).toBe(false);
});

test('an algorithm outside the list is never tried', async () => {
  const parsed = parseCompactJws(good);
  if (!parsed.ok) throw new Error(parsed.reason);
  const tried = jest.fn(() => true);
  expect(await verifyCompactJws(parsed.jws, ['ES256'], tried)).toBe(false);
  expect(tried).not.toHaveBeenCalled();
});

const [, payload, signature] = good.split('.');

test.each([
  ['nothing', '', 'segments'],
  ['two segments', `${header}.${payload}`, 'segments'],
  ['four segments', `${good}.AA`, 'segments'],
  ['a trailing dot', `${good}.`, 'segments'],
  ['an empty header', `.${payload}.${signature}`, 'segments'],
  ['an empty (detached) payload', `${header}..${signature}`, 'segments'],
  ['an empty signature', `${header}.${payload}.`, 'segments'],
  ['padding', `${header}.${payload}==.${signature}`, 'encoding'],
  ['unused bits in the payload', `${header}.AB.${signature}`, 'encoding'],
  ['unused bits in the signature', `${header}.${payload}.AB`, 'encoding'],
  ['white space', ` ${good}`, 'encoding'],
  ['a header that is no JSON', `${segment('alg')}.${payload}.${signature}`, 'header'],
  ['a header that is an array', `${segment('["alg"]')}.${payload}.${signature}`, 'header'],
  ['a header twice over', `${segment('{"alg":"none","alg":"Ed25519"}')}.${payload}.${signature}`, 'header'],
  ['no alg', `${segment('{"typ":"JWT"}')}.${payload}.${signature}`, 'header'],
  ['alg null', `${segment('{"alg":null}')}.${payload}.${signature}`, 'header'],
  ['crit', `${segment('{"alg":"Ed25519","crit":["exp"]}')}.${payload}.${signature}`, 'critical'],
  ['b64', `${segment('{"alg":"Ed25519","b64":false}')}.${payload}.${signature}`, 'critical'],
  ['JSON serialization', '{"payload":"Zm9v","signatures":[]}', 'segments'],
])('refuses %s', (_, text, reason) => {
  expect(parseCompactJws(text)).toEqual({ ok: false, reason });
});

test('the length is limited, by default and by the caller', () => {
  expect(parseCompactJws(good, { maxLength: good.length }).ok).toBe(true);
  expect(parseCompactJws(good, { maxLength: good.length - 1 })).toEqual({ ok: false, reason: 'too_large' });
  expect(parseCompactJws(`${good}${'A'.repeat(16_384)}`)).toEqual({ ok: false, reason: 'too_large' });
});

describeVectors('rfc8037/vectors.json', (file) => {
  const vector = readVectors(file) as { jwk: { d?: string } & PublicJwk; thumbprint_sha256: string; jws: string };
  test('RFC 8037 appendix A: thumbprint and signature', async () => {
    const { d: _, ...publicJwk } = vector.jwk;
    const key = parsePublicJwk(publicJwk);
    const parsed = parseCompactJws(vector.jws);
    if (!key.ok || !parsed.ok) throw new Error('the vector does not parse');
    expect(thumbprint(key.jwk)).toBe(vector.thumbprint_sha256);
    const bytes = publicKeyBytes(key.jwk);
    expect(await verifyCompactJws(parsed.jws, ['EdDSA'], (_alg, i, s) => verifyStrict(bytes, i, s))).toBe(true);
  });
});

type Case = { tcId: number; comment: string; jws: string; result: 'valid' | 'invalid' };
type JwsVectors = { testGroups: { comment: string; public?: { kty: string; crv?: string }; tests: Case[] }[] };

describeVectors('wycheproof/json_web_signature_test.json', (file) => {
  const { testGroups } = readVectors(file) as JwsVectors;
  const p256 = testGroups.filter((group) => group.public?.crv === 'P-256');
  const cases = p256.flatMap(({ public: jwk, tests }) => tests.map((one) => ({ ...one, jwk })));

  test('there are ES256 cases', () => expect(cases.length).toBeGreaterThan(40));

  test.each(cases)('ES256: $tcId $comment: $result', async ({ jws, jwk, result }) => {
    const key = parsePublicJwk(jwk);
    const parsed = parseCompactJws(jws);
    const valid =
      key.ok &&
      parsed.ok &&
      (await verifyCompactJws(parsed.jws, ['ES256'], (_, input, bytes) => {
        const publicKey = createPublicKey({ key: { ...key.jwk }, format: 'jwk' });
        return verify('sha256', input, { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes);
      }));
    expect(valid).toBe(result === 'valid');
  });

  // Whatever the algorithm: a text that is no compact JWS in its one spelling must not even parse.
  const malformed =
    /Spaces(In|in)(Mac|Payload|Header)|InvalidCharacter|invalidCharacters|spacesIn|Missing|Extra|EmptyString|UnusedBits|JsonSerialization/;
  const shapes = testGroups.flatMap(({ tests }) => tests).filter(({ comment }) => malformed.test(comment));
  test.each(shapes.filter(({ result }) => result === 'invalid'))('refused unread: $tcId $comment', ({ jws }) => {
    expect(parseCompactJws(jws).ok).toBe(false);
  });
});
