import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { ed25519Jwk, thumbprint } from '@chancery/protocol/jwk.js';
import { constantTimeEqual } from '../platform/crypto/keyed-token.js';
import { Secret } from '../platform/crypto/secret.js';
import { aad, unwrap, wrap } from '../platform/crypto/wrap.js';
import type { KeyPurpose } from './signing-keys.repository.js';

const SEED_BYTES = 32;
/** What stands before the seed in PKCS #8 (RFC 8410 section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

export interface SealedKey {
  readonly kid: string;
  readonly purpose: KeyPurpose;
  readonly publicKey: Buffer;
  readonly wrappedSeed: Buffer;
}

/** A fresh Ed25519 key, its seed wrapped; the kid is the RFC 7638 thumbprint. */
export function newSealedKey(
  purpose: KeyPurpose,
  wrapKey: Secret,
  random: (n: number) => Buffer = randomBytes,
): SealedKey {
  const seed = new Secret(random(SEED_BYTES));
  try {
    const publicKey = publicKeyOf(privateKeyOf(seed));
    const kid = thumbprint(ed25519Jwk(publicKey));
    return { kid, purpose, publicKey, wrappedSeed: wrap(wrapKey, seed, boundTo(purpose, kid, publicKey)) };
  } finally {
    seed.zero();
  }
}

/** Opens a stored key and proves that the seed is the one behind the public key that others are told. */
export function openSealedKey(sealed: SealedKey, wrapKey: Secret): KeyObject {
  const { purpose, kid, publicKey } = sealed;
  const seed = unwrap(wrapKey, sealed.wrappedSeed, boundTo(purpose, kid, publicKey), SEED_BYTES);
  try {
    const key = privateKeyOf(seed);
    if (!constantTimeEqual(publicKeyOf(key), publicKey))
      throw new Error(`signing key ${kid} is not what it says it is`);
    return key;
  } finally {
    seed.zero();
  }
}

function privateKeyOf(seed: Secret): KeyObject {
  const der = Buffer.concat([PKCS8_PREFIX, seed.bytes]);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
  }
}

function publicKeyOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-SEED_BYTES);
}

function boundTo(purpose: KeyPurpose, kid: string, publicKey: Buffer): Buffer {
  return aad(['chancery/signing-key/v1', purpose, kid, publicKey]);
}
