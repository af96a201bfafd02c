import type { ProofFault } from './dpop-proofs.js';

/** Why a proof was refused, for whoever debugs a client. In quotes of a header: no quotation marks. */
export const PROOF_FAULTS: Readonly<Record<ProofFault, string>> = {
  missing: 'A DPoP header is required.',
  malformed: 'The proof is no compact JWS of strict JSON, or there is more than one.',
  header: 'The header must hold exactly typ (dpop+jwt), alg and jwk.',
  alg: 'The algorithm must be Ed25519, EdDSA or ES256, and fit the key.',
  jwk: 'The key is not an acceptable public Ed25519 or P-256 key.',
  claims: 'A claim is missing or of a wrong type.',
  htm: 'htm names another method.',
  htu: 'htu names another URI.',
  iat: 'iat is more than a minute away from the time of this server.',
  jti: 'jti must have 8 to 128 characters.',
  ath: 'ath is missing or belongs to another access token.',
  jkt: 'The proof is by another key than the one the token is bound to.',
  use_dpop_nonce: 'Repeat the request with the nonce of this answer.',
  signature: 'The signature does not verify.',
};

export const PROOF_REPLAYED = 'This proof was used before.';
