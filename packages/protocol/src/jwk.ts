import { p256 } from '@noble/curves/nist.js';
import { fromBase64Url, toBase64Url } from './base64.js';
import { concatBytes } from './bytes.js';
import { sha256 } from './sha256.js';
import { publicKeyFault } from './strict-ed25519.js';

/** An Ed25519 public key (RFC 8037), only its required members. */
export type Ed25519Jwk = { kty: 'OKP'; crv: 'Ed25519'; x: string };
/** A P-256 public key (RFC 7518 section 6.2), only its required members. */
export type P256Jwk = { kty: 'EC'; crv: 'P-256'; x: string; y: string };
/** A public key Chancery accepts. */
export type PublicJwk = Ed25519Jwk | P256Jwk;

/**
 * Why a value is no acceptable public JWK:
 * `type` no object · `private` it carries a private or symmetric member · `kty` another kind of key or curve ·
 * `coordinate` a coordinate is no canonical base64url of 32 bytes · `point` not on the curve, or (Ed25519) not
 * canonical, of small order or with torsion · `usage` its own `alg`, `use` or `key_ops` forbid verifying
 */
export type JwkFault = 'type' | 'private' | 'kty' | 'coordinate' | 'point' | 'usage';

/** The outcome of {@link parsePublicJwk}. */
export type ParsedJwk = { ok: true; jwk: PublicJwk } | { ok: false; reason: JwkFault };

const PRIVATE_MEMBERS = ['d', 'k', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'];
const COORDINATE_BYTES = 32;

/**
 * Parses a public signature key (RFC 7517): OKP/Ed25519 (RFC 8037) or EC/P-256 (RFC 7518), nothing else, and checks
 * its point. Other members (`kid`, `ext`, …) are ignored and left out of the result, except that `alg`, `use` and
 * `key_ops` must allow verifying.
 * @param value parsed JSON, preferably by `parseStrict`
 */
export function parsePublicJwk(value: unknown): ParsedJwk {
  const parsed = parsePublicJwkForm(value);
  return parsed.ok && !isPointValid(parsed.jwk) ? refused('point') : parsed;
}

/**
 * {@link parsePublicJwk} without the check of the point, which costs as much as verifying a signature: for callers
 * with cheaper reasons to refuse, who ask {@link isPointValid} before they use the key.
 */
export function parsePublicJwkForm(value: unknown): ParsedJwk {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refused('type');
  const member = value as Record<string, unknown>;
  if (PRIVATE_MEMBERS.some((name) => Object.hasOwn(member, name))) return refused('private');
  const { kty, crv, x, y } = member;
  if (kty === 'OKP' && crv === 'Ed25519') {
    if (!allowsVerifying(member, ['Ed25519', 'EdDSA'])) return refused('usage');
    return isCoordinate(x) ? { ok: true, jwk: { kty, crv, x } } : refused('coordinate');
  }
  if (kty === 'EC' && crv === 'P-256') {
    if (!allowsVerifying(member, ['ES256'])) return refused('usage');
    return isCoordinate(x) && isCoordinate(y) ? { ok: true, jwk: { kty, crv, x, y } } : refused('coordinate');
  }
  return refused('kty');
}

/** Whether a key's point may be used: on the curve and, for Ed25519, canonical, not of small order, torsion-free. */
export function isPointValid(jwk: PublicJwk): boolean {
  if (jwk.kty === 'OKP') return publicKeyFault(publicKeyBytes(jwk)) === undefined;
  try {
    p256.Point.fromBytes(publicKeyBytes(jwk)).assertValidity();
    return true;
  } catch {
    return false;
  }
}

/** The RFC 7638 thumbprint of a public key: base64url of SHA-256 over its required members, 43 characters. */
export function thumbprint(jwk: PublicJwk): string {
  // RFC 7638 section 3: required members only, in lexicographic order, no white space. Coordinates need no escapes.
  const text =
    jwk.kty === 'OKP'
      ? `{"crv":"Ed25519","kty":"OKP","x":"${jwk.x}"}`
      : `{"crv":"P-256","kty":"EC","x":"${jwk.x}","y":"${jwk.y}"}`;
  return toBase64Url(sha256(text));
}

/**
 * The bytes of a parsed public key: 32 for Ed25519, 65 (uncompressed SEC 1 point) for P-256.
 * @throws {TypeError} when the key did not come from {@link parsePublicJwk}
 */
export function publicKeyBytes(jwk: PublicJwk): Uint8Array {
  const x = fromBase64Url(jwk.x);
  const y = jwk.kty === 'EC' ? fromBase64Url(jwk.y) : new Uint8Array();
  if (x === undefined || y === undefined) throw new TypeError('the JWK was not parsed');
  return jwk.kty === 'OKP' ? x : concatBytes(Uint8Array.of(0x04), x, y);
}

/** The JWK of 32 bytes of Ed25519 public key, unchecked. */
export function ed25519Jwk(publicKey: Uint8Array): Ed25519Jwk {
  return { kty: 'OKP', crv: 'Ed25519', x: toBase64Url(publicKey) };
}

function isCoordinate(value: unknown): value is string {
  return typeof value === 'string' && fromBase64Url(value)?.length === COORDINATE_BYTES;
}

function allowsVerifying(member: Record<string, unknown>, algorithms: string[]): boolean {
  const { alg, use, key_ops: operations } = member;
  if (alg !== undefined && !algorithms.includes(alg as string)) return false;
  if (use !== undefined && use !== 'sig') return false;
  return operations === undefined || (Array.isArray(operations) && operations.includes('verify'));
}

function refused(reason: JwkFault): ParsedJwk {
  return { ok: false, reason };
}
