import { generateKeyPairSync } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { calculateJwkThumbprint } from 'jose';
import { describeVectors, readVectors } from '../test/vectors.js';
import { toBase64Url } from './base64.js';
import { type PublicJwk, parsePublicJwk, publicKeyBytes, thumbprint } from './jwk.js';

function generate(kind: 'ed25519' | 'P-256'): Record<string, unknown> {
  const { publicKey } =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return publicKey.export({ format: 'jwk' });
}

const ed = generate('ed25519');
const ec = generate('P-256');

test.each([
  ['Ed25519', ed, 32],
  ['P-256', ec, 65],
])('takes a public %s key, drops what it does not need, and thumbprints as jose does', async (_, key, length) => {
  const parsed = parsePublicJwk({ ...key, kid: 'k', ext: true, use: 'sig', key_ops: ['verify'], x5t: 'ignored' });
  expect(parsed).toEqual({ ok: true, jwk: key });
  const { jwk } = parsed as { jwk: PublicJwk };
  expect(thumbprint(jwk)).toBe(await calculateJwkThumbprint(key));
  expect(publicKeyBytes(jwk)).toHaveLength(length);
});

const smallOrder = toBase64Url(ed25519.Point.ZERO.toBytes());
const withTorsion = toBase64Url(
  ed25519.Point.BASE.add(
    ed25519.Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'),
  ).toBytes(),
);

test.each([
  ['null', null, 'type'],
  ['an array', [ed], 'type'],
  ['a string', 'OKP', 'type'],
  ['a private Ed25519 key', { ...ed, d: 'AA' }, 'private'],
  ['a private P-256 key', { ...ec, d: null }, 'private'],
  ['a symmetric key', { kty: 'oct', k: 'AA' }, 'private'],
  ['a symmetric key without a value', { kty: 'oct' }, 'kty'],
  ['RSA', { kty: 'RSA', n: 'AQAB', e: 'AQAB' }, 'kty'],
  ['X25519', { ...ed, crv: 'X25519' }, 'kty'],
  ['P-384', { ...ec, crv: 'P-384' }, 'kty'],
  ['secp256k1', { ...ec, crv: 'secp256k1' }, 'kty'],
  ['an EC key that claims Ed25519', { ...ec, crv: 'Ed25519' }, 'kty'],
  ['no x', { kty: 'OKP', crv: 'Ed25519' }, 'coordinate'],
  ['a padded x', { ...ed, x: `${ed.x as string}=` }, 'coordinate'],
  ['31 bytes of x', { ...ed, x: toBase64Url(new Uint8Array(31)) }, 'coordinate'],
  ['unused bits set in x', { ...ec, x: `${(ec.x as string).slice(0, 42)}B` }, 'coordinate'],
  ['no y', { ...ec, y: undefined }, 'coordinate'],
  ['a point of small order', { ...ed, x: smallOrder }, 'point'],
  ['a point with torsion', { ...ed, x: withTorsion }, 'point'],
  ['a point off the curve', { ...ec, y: ec.x }, 'point'],
  ['the point (0, 0)', { ...ec, x: 'A'.repeat(43), y: 'A'.repeat(43) }, 'point'],
  ['alg of another kind', { ...ed, alg: 'ES256' }, 'usage'],
  ['alg none', { ...ec, alg: 'none' }, 'usage'],
  ['a key for encryption', { ...ec, use: 'enc' }, 'usage'],
  ['a key that may only sign', { ...ed, key_ops: ['sign'] }, 'usage'],
])('refuses %s', (_, value, reason) => {
  expect(parsePublicJwk(value)).toEqual({ ok: false, reason });
});

describeVectors('jwk-thumbprint/vectors.json', (file) => {
  const vectors = readVectors(file) as { name: string; jwk: string; thumbprint: string }[];
  test.each(vectors.filter(({ name }) => name !== 'rsa'))('RFC 7638: $name', ({ jwk, thumbprint: expected }) => {
    const parsed = parsePublicJwk(JSON.parse(jwk));
    expect(parsed.ok && thumbprint(parsed.jwk)).toBe(expected);
  });
  test('an RSA key is none of ours', () => {
    const rsa = vectors.find(({ name }) => name === 'rsa');
    expect(parsePublicJwk(JSON.parse(rsa!.jwk))).toEqual({ ok: false, reason: 'kty' });
  });
});

type KeyVectors = { testGroups: { comment: string; public?: { keys: unknown[] }; private: { keys: unknown[] } }[] };

describeVectors('wycheproof/json_web_key_test.json', (file) => {
  // Every group of this file is either RSA, symmetric, or an EC key that something is wrong with.
  const { testGroups } = readVectors(file) as KeyVectors;
  const keys = testGroups.flatMap((group) => (group.public ?? group.private).keys.map((key) => [group.comment, key]));
  const p256 = keys.filter(([comment, key]) => comment !== 'jws_mixedSymmetryKeyset' || !('k' in (key as object)));
  test.each(p256)('%s', (comment, key) => {
    expect(parsePublicJwk(key).ok).toBe(comment === 'jws_mixedSymmetryKeyset');
  });
});
