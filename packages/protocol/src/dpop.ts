import { fromBase64Url, toBase64Url } from './base64.js';
import type { Cache } from './bounded-cache.js';
import { toHex, utf8 } from './bytes.js';
import { HTU_LENGTH_MAX, normalizeHtu } from './htu.js';
import { isPointValid, type PublicJwk, parsePublicJwkForm, thumbprint } from './jwk.js';
import { parseJsonSegment, splitCompactJws } from './jws.js';
import { sha256 } from './sha256.js';
import type { JsonObject } from './json-value.js';

/** Signature algorithms of proofs: RFC 9864 `Ed25519`, its older name `EdDSA` (with Ed25519 keys only), `ES256`. */
export const DPOP_ALGORITHMS = ['Ed25519', 'EdDSA', 'ES256'] as const;
/** An algorithm of {@link DPOP_ALGORITHMS}. */
export type DpopAlgorithm = (typeof DPOP_ALGORITHMS)[number];

/** Longest proof, in characters. */
export const DPOP_PROOF_LENGTH_MAX = 4_096;
/** Seconds `iat` may lie before or after now, unless the caller says otherwise. */
export const DPOP_IAT_WINDOW_SECONDS = 60;
/** Shortest and longest `jti`, in UTF-16 code units. */
export const DPOP_JTI_LENGTH = { min: 8, max: 128 } as const;
const SIGNATURE_BYTES = 64;

/** A proof's header, checked: what a cache keeps under the header segment. */
export type DpopHeader = { alg: DpopAlgorithm; jwk: PublicJwk; jkt: string };

/**
 * Why a proof is refused:
 * `malformed` no compact JWS of strict JSON, or too long · `header` not exactly `typ`, `alg`, `jwk`, or another `typ` ·
 * `alg` not allowed, or not this key's · `jwk` not an acceptable public key · `claims` a claim is missing or of a
 * wrong type · `htm` `htu` another request · `iat` too old or too new · `jti` too short or long · `ath` another token ·
 * `jkt` another key than the token's · `use_dpop_nonce` nonce missing or not acceptable · `signature`
 */
export type DpopFault =
  | 'malformed'
  | 'header'
  | 'alg'
  | 'jwk'
  | 'claims'
  | 'htm'
  | 'htu'
  | 'iat'
  | 'jti'
  | 'ath'
  | 'jkt'
  | 'use_dpop_nonce'
  | 'signature';

/** What to hold a proof against. */
export type DpopCheck = {
  /** The value of the one `DPoP` header. */
  proof: string;
  /** The request's method, compared exactly. */
  htm: string;
  /** The request's URI, from the configured origin and the raw target. */
  htu: string;
  /** Unix seconds. */
  now: number;
  /** Seconds either side of now; {@link DPOP_IAT_WINDOW_SECONDS} when absent. */
  iatWindowSeconds?: number;
  /** When given, `ath` must be its hash (RFC 9449 section 4.3, 11). */
  accessToken?: string;
  /** The hash itself, for a caller that knows it already: see {@link accessTokenHash}. */
  ath?: string;
  /** When given, the proof must be by the key of this thumbprint (the token's `cnf.jkt`). */
  expectedJkt?: string;
  /** Whether a nonce is one of the server's and still good. */
  nonce: (value: string) => boolean;
  /** Verifies the signature; the key has been checked and fits `alg`. */
  verify: (
    alg: DpopAlgorithm,
    jwk: PublicJwk,
    signingInput: Uint8Array,
    signature: Uint8Array,
  ) => boolean | Promise<boolean>;
  /** Remembers checked headers by segment, which a session repeats in every proof. Must be bounded. */
  headers?: Cache<string, DpopHeader>;
  /** Another SHA-256 over a text's UTF-8: a server has a faster one. */
  digest?: Digest;
};

/** SHA-256 over the UTF-8 of a text: 32 bytes. */
export type Digest = (text: string) => Uint8Array;

/** A good proof, or why not. Whether the `jti` was seen before is for the caller to find out, by `jtiHash`. */
export type DpopResult =
  | { ok: true; jkt: string; jti: string; jtiHash: string; iat: number }
  | { ok: false; reason: DpopFault; useNonce?: true };

type Claims = { jti: string; htm: string; htu: string; iat: number; ath: unknown; nonce: unknown };

/**
 * Checks a DPoP proof by RFC 9449 section 4.3, with a mandatory nonce (section 8) and exactly the header members
 * `typ`, `alg`, `jwk`. The cheap checks come first, the key's point and the signature last. Never throws for anything in the proof.
 */
export async function checkDpopProof(check: DpopCheck): Promise<DpopResult> {
  if (check.proof.length > DPOP_PROOF_LENGTH_MAX) return refused('malformed');
  const segments = splitCompactJws(check.proof);
  if (segments === undefined) return refused('malformed');
  const known = check.headers?.get(segments.header);
  const header = known ?? headerOf(segments.header);
  if (typeof header === 'string') return refused(header);
  const payload = parseJsonSegment(segments.payload);
  const signature = fromBase64Url(segments.signature);
  if (payload === undefined || signature === undefined) return refused('malformed');
  const claims = claimsOf(payload);
  if (claims === undefined) return refused('claims');
  const fault = claimFault(claims, header, check);
  if (fault === 'use_dpop_nonce') return { ok: false, reason: fault, useNonce: true };
  if (fault !== undefined) return refused(fault);
  if (known === undefined) {
    // Only now: a key nobody asked for must neither cost curve arithmetic nor push others out of the cache.
    if (!isPointValid(header.jwk)) return refused('jwk');
    check.headers?.set(segments.header, header);
  }
  const signingInput = utf8(`${segments.header}.${segments.payload}`);
  if (signature.length !== SIGNATURE_BYTES) return refused('signature');
  if (!(await check.verify(header.alg, header.jwk, signingInput, signature))) return refused('signature');
  const { jti, iat } = claims;
  return { ok: true, jkt: header.jkt, jti, jtiHash: dpopJtiHash(header.jkt, jti, check.digest), iat };
}

/** What makes a proof single-use: SHA-256 of `jkt ‖ jti` in hexadecimal. A `jkt` has 43 characters, so no two collide. */
export function dpopJtiHash(jkt: string, jti: string, digest: Digest = sha256): string {
  return toHex(digest(jkt + jti));
}

/** The `ath` of an access token: base64url of SHA-256 over its ASCII (RFC 9449 section 4.2). */
export function accessTokenHash(accessToken: string, digest: Digest = sha256): string {
  return toBase64Url(digest(accessToken));
}

function headerOf(segment: string): DpopHeader | DpopFault {
  const header = parseJsonSegment(segment);
  if (header === undefined) return 'malformed';
  if (Object.keys(header).length !== 3 || header.typ !== 'dpop+jwt') return 'header';
  if (!Object.hasOwn(header, 'jwk') || !Object.hasOwn(header, 'alg')) return 'header';
  const alg = DPOP_ALGORITHMS.find((allowed) => allowed === header.alg);
  if (alg === undefined) return 'alg';
  const parsed = parsePublicJwkForm(header.jwk);
  if (!parsed.ok) return 'jwk';
  const { jwk } = parsed;
  if ((alg === 'ES256') !== (jwk.kty === 'EC')) return 'alg';
  return { alg, jwk, jkt: thumbprint(jwk) };
}

function claimsOf({ jti, htm, htu, iat, ath, nonce }: JsonObject): Claims | undefined {
  if (typeof jti !== 'string' || typeof htm !== 'string' || typeof htu !== 'string' || typeof iat !== 'number') {
    return undefined;
  }
  return { jti, htm, htu, iat, ath, nonce };
}

function claimFault(claims: Claims, header: DpopHeader, check: DpopCheck): DpopFault | undefined {
  const { now, iatWindowSeconds = DPOP_IAT_WINDOW_SECONDS } = check;
  if (claims.htm !== check.htm) return 'htm';
  if (!sameHtu(claims.htu, check.htu)) return 'htu';
  // Written so that a `now` that is no number refuses.
  if (!(Math.abs(now - claims.iat) <= iatWindowSeconds)) return 'iat';
  if (claims.jti.length < DPOP_JTI_LENGTH.min || claims.jti.length > DPOP_JTI_LENGTH.max) return 'jti';
  const ath = check.accessToken === undefined ? check.ath : accessTokenHash(check.accessToken, check.digest);
  if (ath !== undefined && claims.ath !== ath) return 'ath';
  if (check.expectedJkt !== undefined && header.jkt !== check.expectedJkt) return 'jkt';
  if (typeof claims.nonce !== 'string' || !check.nonce(claims.nonce)) return 'use_dpop_nonce';
  return undefined;
}

/** Nothing in it that normalising would change or refuse. */
const PLAIN_HTU = /^https?:\/\/[a-z0-9.-]+(?::[1-9][0-9]{0,4})?(?:\/[A-Za-z0-9_~-]+)+$/;

function sameHtu(claimed: string, actual: string): boolean {
  if (claimed === actual && claimed.length <= HTU_LENGTH_MAX && PLAIN_HTU.test(claimed)) return true;
  const normal = normalizeHtu(claimed);
  return normal !== undefined && (normal === actual || normal === normalizeHtu(actual));
}

function refused(reason: DpopFault): DpopResult {
  return { ok: false, reason };
}
