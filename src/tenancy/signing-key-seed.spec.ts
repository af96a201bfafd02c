import { createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { Secret } from '../platform/crypto/secret.js';
import { WrapError } from '../platform/crypto/wrap.js';
import { newSealedKey, openSealedKey } from './signing-key-seed.js';

const wrapKey = new Secret(Buffer.alloc(32, 1));

test('opens what it sealed: the key signs for the public key that is published', () => {
  const sealed = newSealedKey('token', wrapKey);
  const key = openSealedKey(sealed, wrapKey);
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  expect(Buffer.from(jwk.x as string, 'base64url')).toEqual(sealed.publicKey);
  const signature = sign(null, Buffer.from('data'), key);
  expect(verify(null, Buffer.from('data'), createPublicKey(key), signature)).toBe(true);
});

test('the seed is bound to purpose, kid and public key, and to the wrapping key', () => {
  const sealed = newSealedKey('token', wrapKey);
  const other = newSealedKey('token', wrapKey);
  expect(() => openSealedKey({ ...sealed, purpose: 'checkpoint' }, wrapKey)).toThrow(WrapError);
  expect(() => openSealedKey({ ...sealed, kid: other.kid }, wrapKey)).toThrow(WrapError);
  expect(() => openSealedKey({ ...sealed, publicKey: other.publicKey }, wrapKey)).toThrow(WrapError);
  expect(() => openSealedKey(sealed, new Secret(randomBytes(32)))).toThrow(WrapError);
});

test('the same seed gives the same key (RFC 8032 section 7.1, test 1)', () => {
  const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
  const random = (n: number) => (n === 32 ? Buffer.from(seed) : randomBytes(n));
  const sealed = newSealedKey('checkpoint', wrapKey, random);
  expect(sealed.publicKey.toString('hex')).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
});
