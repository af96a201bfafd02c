import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import type { Digest, DpopAlgorithm } from '@chancery/protocol/dpop.js';
import type { PublicJwk } from '@chancery/protocol/jwk.js';

/** Imports cost a fifth of a verification. Parsed keys are kept by the header cache, and their imports with them. */
const imported = new WeakMap<PublicJwk, KeyObject>();

/**
 * Verifies a proof's signature with OpenSSL. The key passed `parsePublicJwk`, so it is of full order, and OpenSSL
 * verifies Ed25519 without cofactor and refuses S ≥ L.
 */
export function verifyProofSignature(
  alg: DpopAlgorithm,
  jwk: PublicJwk,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  let key = imported.get(jwk);
  if (key === undefined) {
    key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
    imported.set(jwk, key);
  }
  if (alg === 'ES256') return verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature);
  return verify(null, data, key, signature);
}

/** SHA-256 of a text, faster than the portable one. */
export const nodeDigest: Digest = (text) => hash('sha256', text, 'buffer');
