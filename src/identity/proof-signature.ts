import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import type { Digest, DpopAlgorithm } from '@chancery/protocol/dpop.js';
import { type PublicJwk, publicKeyBytes } from '@chancery/protocol/jwk.js';
import { sodium } from './sodium.js';

/** Imports cost a fifth of a verification. Parsed keys are kept by the header cache, and their imports with them. */
const imported = new WeakMap<PublicJwk, KeyObject>();
const points = new WeakMap<PublicJwk, Uint8Array>();

/**
 * Verifies a proof's signature. The key passed `parsePublicJwk`, so it is canonical, of full order and without torsion;
 * libsodium and OpenSSL both refuse S ≥ L. Ed25519 goes to libsodium where there is one, at half the price: it is most
 * of what a proof costs.
 */
export function verifyProofSignature(
  alg: DpopAlgorithm,
  jwk: PublicJwk,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (alg === 'ES256') {
    return verify('sha256', data, { key: keyOf(jwk), dsaEncoding: 'ieee-p1363' }, signature);
  }
  if (sodium === null) return verify(null, data, keyOf(jwk), signature);
  return sodium.crypto_sign_verify_detached(signature, data, pointOf(jwk));
}

function keyOf(jwk: PublicJwk): KeyObject {
  let key = imported.get(jwk);
  if (key === undefined) {
    key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
    imported.set(jwk, key);
  }
  return key;
}

function pointOf(jwk: PublicJwk): Uint8Array {
  let point = points.get(jwk);
  if (point === undefined) {
    point = publicKeyBytes(jwk);
    points.set(jwk, point);
  }
  return point;
}

/** SHA-256 of a text, faster than the portable one. */
export const nodeDigest: Digest = (text) => hash('sha256', text, 'buffer');
