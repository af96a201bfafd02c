import { toBase64Url } from './base64.js';
import { utf8 } from './bytes.js';
import { accessTokenHash, type DpopAlgorithm } from './dpop.js';
import type { PublicJwk } from './jwk.js';

/** What a proof is made of. */
export type DpopProofInput = {
  /** Signs the JWS signing input; 64 bytes come back (R ‖ S, for ES256 too). */
  sign: (signingInput: Uint8Array) => Uint8Array | Promise<Uint8Array>;
  publicJwk: PublicJwk;
  alg: DpopAlgorithm;
  /** The request's method. */
  htm: string;
  /** The request's URI; query and fragment are left out of the proof (RFC 9449 section 4.2). */
  htu: string;
  /** The access token the request carries, if any: its hash becomes `ath`. */
  accessToken?: string;
  /** The server's latest `DPoP-Nonce`. */
  nonce?: string;
  /** Fresh for every proof, 8 to 128 characters, at least 96 random bits. */
  jti: string;
  /** Unix seconds. */
  iat: number;
};

/**
 * Makes a DPoP proof (RFC 9449 section 4.2): a compact JWS with the public key in its header. Only the required
 * members of the key are sent. Time and chance come in as arguments.
 * @returns the value of the `DPoP` header
 */
export async function createDpopProof(input: DpopProofInput): Promise<string> {
  const { jti, htm, iat, nonce } = input;
  const htu = input.htu.replace(/[?#].*$/s, '');
  const claims = {
    jti,
    htm,
    htu,
    iat,
    ...(input.accessToken !== undefined && { ath: accessTokenHash(input.accessToken) }),
    ...(nonce !== undefined && { nonce }),
  };
  const header = { typ: 'dpop+jwt', alg: input.alg, jwk: requiredMembers(input.publicJwk) };
  const signingInput = `${segment(header)}.${segment(claims)}`;
  const signature = await input.sign(utf8(signingInput));
  return `${signingInput}.${toBase64Url(signature)}`;
}

function requiredMembers(jwk: PublicJwk): PublicJwk {
  return jwk.kty === 'OKP'
    ? { kty: jwk.kty, crv: jwk.crv, x: jwk.x }
    : { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y };
}

function segment(value: object): string {
  return toBase64Url(utf8(JSON.stringify(value)));
}
