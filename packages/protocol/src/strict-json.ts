import { utf8Text } from './bytes.js';
import type { JsonValue } from './json-value.js';
import { StrictJsonReader } from './strict-json-reader.js';
import { StrictJsonError } from './strict-json-error.js';

/** Deepest nesting of arrays and objects: a document may be 64 deep, never 65. */
export const JSON_DEPTH_MAX = 64;
/** Largest document, in bytes of UTF-8, when the caller names no limit of its own. */
export const JSON_BYTES_MAX = 1_048_576;

/** What a document may be at most. */
export type StrictJsonLimits = {
  /** In bytes of UTF-8; {@link JSON_BYTES_MAX} when absent. */
  maxBytes?: number;
  /** In levels of nesting; {@link JSON_DEPTH_MAX} when absent. */
  maxDepth?: number;
  /**
   * Also takes numbers with a fraction or an exponent, as doubles: for JSON that is passed on, never for what is signed
   * or hashed. Plain integers must be safe all the same.
   */
  fractions?: boolean;
};

/**
 * Parses strict JSON: RFC 8259, UTF-8 without BOM, bounded in size and depth, no duplicate keys, no lone surrogates,
 * numbers only as safe integers (`56.0` and `1e3` are whole, `0.5` and `-0` are not allowed). `JSON.parse` alone keeps the last
 * duplicate and rounds 2^53+1 silently, so two readers of one signed document could disagree.
 *
 * A key `__proto__` becomes an own property like any other; no prototype is ever touched.
 * @throws {StrictJsonError} with a literal `code` and the position in UTF-16 code units (in bytes for `too_large`)
 */
export function parseStrict(source: Uint8Array | string, limits: StrictJsonLimits = {}): JsonValue {
  const { maxBytes = JSON_BYTES_MAX, maxDepth = JSON_DEPTH_MAX, fractions = false } = limits;
  if (typeof source !== 'string') {
    if (source.length > maxBytes) throw new StrictJsonError('too_large', maxBytes);
    const text = utf8Text(source);
    if (text === undefined) throw new StrictJsonError('encoding', 0);
    return new StrictJsonReader(text, maxDepth, fractions).document();
  }
  if (source.length > maxBytes) throw new StrictJsonError('too_large', maxBytes);
  // A code unit takes at most three bytes: count exactly only when that could matter.
  if (source.length * 3 > maxBytes && utf8Length(source) > maxBytes) throw new StrictJsonError('too_large', maxBytes);
  return new StrictJsonReader(source, maxDepth, fractions).document();
}

function utf8Length(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // Each half of a surrogate pair counts two of its four bytes.
    length += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 2 : 3;
  }
  return length;
}
