import { fromBase64Url } from './base64.js';
import { utf8 } from './bytes.js';
import { isJsonObject, type JsonObject } from './json-value.js';
import { parseStrict } from './strict-json.js';

/** Longest compact JWS when the caller names no limit, in characters. */
export const JWS_LENGTH_MAX = 16_384;

/** A compact JWS taken apart; nothing in it is verified yet. */
export type CompactJws = {
  header: JsonObject;
  /** The header as it was sent: a cache key. */
  headerSegment: string;
  payload: Uint8Array;
  signature: Uint8Array;
  /** What the signature covers: ASCII of header segment, dot, payload segment (RFC 7515 section 5.2). */
  signingInput: Uint8Array;
};

/**
 * Why a text is no acceptable compact JWS:
 * `too_large` · `segments` not exactly three, none empty · `encoding` not strict base64url · `header` no strict JSON
 * object, or without a string `alg` · `critical` it has `crit` or `b64`, which nothing here understands
 */
export type JwsFault = 'too_large' | 'segments' | 'encoding' | 'header' | 'critical';

/** The outcome of {@link parseCompactJws}. */
export type ParsedJws = { ok: true; jws: CompactJws } | { ok: false; reason: JwsFault };

/** The three segments of a compact JWS as text. */
export type JwsSegments = { header: string; payload: string; signature: string };

/**
 * Verifies bytes under a key the caller chose; may refuse by returning false, never by throwing.
 * @param alg the header's `alg`, which the implementation must hold against the key's own kind
 */
export type JwsVerifier = (
  alg: string,
  signingInput: Uint8Array,
  signature: Uint8Array,
  header: JsonObject,
) => boolean | Promise<boolean>;

/** Splits a compact JWS into its three segments; undefined unless there are exactly three and none is empty. */
export function splitCompactJws(text: string): JwsSegments | undefined {
  const first = text.indexOf('.');
  const second = text.indexOf('.', first + 1);
  if (first < 1 || second < first + 2 || second === text.length - 1) return undefined;
  if (text.includes('.', second + 1)) return undefined;
  return { header: text.slice(0, first), payload: text.slice(first + 1, second), signature: text.slice(second + 1) };
}

/** The strict JSON object a base64url segment holds, or undefined. */
export function parseJsonSegment(segment: string): JsonObject | undefined {
  const bytes = fromBase64Url(segment);
  if (bytes === undefined) return undefined;
  try {
    const value = parseStrict(bytes);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Parses a compact JWS (RFC 7515 section 7.1) strictly: three segments, each strict base64url with one spelling only,
 * the header strict JSON, no `crit` and no `b64`. A detached or empty payload is refused.
 * @param options.maxLength longest text in characters; {@link JWS_LENGTH_MAX} when absent
 */
export function parseCompactJws(text: string, options: { maxLength?: number } = {}): ParsedJws {
  if (text.length > (options.maxLength ?? JWS_LENGTH_MAX)) return refused('too_large');
  const segments = splitCompactJws(text);
  if (segments === undefined) return refused('segments');
  const payload = fromBase64Url(segments.payload);
  const signature = fromBase64Url(segments.signature);
  if (payload === undefined || signature === undefined || fromBase64Url(segments.header) === undefined) {
    return refused('encoding');
  }
  const header = parseJsonSegment(segments.header);
  if (header === undefined || typeof header.alg !== 'string') return refused('header');
  if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64')) return refused('critical');
  const signingInput = utf8(`${segments.header}.${segments.payload}`);
  return { ok: true, jws: { header, headerSegment: segments.header, payload, signature, signingInput } };
}

/**
 * Verifies a parsed JWS. Its `alg` must be one of `algorithms`, so that `none` or a MAC can never be chosen by
 * whoever sent it (RFC 8725 section 3.1).
 */
export async function verifyCompactJws(
  jws: CompactJws,
  algorithms: readonly string[],
  verify: JwsVerifier,
): Promise<boolean> {
  const alg = jws.header.alg;
  if (typeof alg !== 'string' || !algorithms.includes(alg)) return false;
  return verify(alg, jws.signingInput, jws.signature, jws.header);
}

function refused(reason: JwsFault): ParsedJws {
  return { ok: false, reason };
}
