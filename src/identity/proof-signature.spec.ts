import { generateKeyPairSync, sign } from 'node:crypto';
import type { PublicJwk } from '@chancery/protocol/jwk.js';
import { verifyProofSignature } from './proof-signature.js';
import { sodium } from './sodium.js';

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const data = Buffer.from('a signing input');
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const jwk = publicKey.export({ format: 'jwk' }) as PublicJwk;
const signature = sign(null, data, privateKey);

/** S + L is the same number to whoever does not look at its size: a second spelling of one signature. */
function withLargeS(from: Buffer): Buffer {
  const s = BigInt(`0x${Buffer.from(from.subarray(32)).reverse().toString('hex')}`) + ORDER;
  const bytes = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
  return Buffer.concat([from.subarray(0, 32), bytes]);
}

test('libsodium is there on the platforms the tests run on', () => {
  expect(sodium).not.toBeNull();
});

test('a good signature holds, and nothing else', () => {
  expect(verifyProofSignature('Ed25519', jwk, data, signature)).toBe(true);
  expect(verifyProofSignature('EdDSA', jwk, data, signature)).toBe(true);
  expect(verifyProofSignature('Ed25519', jwk, Buffer.from('another'), signature)).toBe(false);
  expect(verifyProofSignature('Ed25519', jwk, data, Buffer.alloc(64))).toBe(false);
  expect(verifyProofSignature('Ed25519', jwk, data, withLargeS(signature))).toBe(false);
});

test('P-256 goes its own way', () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signed = sign('sha256', data, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
  const key = pair.publicKey.export({ format: 'jwk' }) as PublicJwk;
  expect(verifyProofSignature('ES256', key, data, signed)).toBe(true);
  expect(verifyProofSignature('ES256', key, data, Buffer.alloc(64, 1))).toBe(false);
});
