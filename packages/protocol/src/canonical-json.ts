import rfc8785 from 'canonicalize';
import { utf8Text } from './bytes.js';
import { JSON_DEPTH_MAX, type JsonValue, parseStrict, type StrictJsonLimits } from './strict-json.js';

/**
 * Why a value has no canonical form here, or a text is not one:
 * `number` not a safe integer · `lone_surrogate` ill-formed Unicode in a string or key · `depth` nested too deeply
 * (a cycle, too) · `type` nothing JSON knows (undefined, function, bigint, symbol, hole, Date, Map, any class) ·
 * `not_canonical` strict JSON, but not its own canonical form
 */
export type CanonicalJsonErrorCode = 'number' | 'lone_surrogate' | 'depth' | 'type' | 'not_canonical';

/** A value cannot be written canonically, or a text is not canonical. Carries nothing of the value. */
export class CanonicalJsonError extends Error {
  override readonly name = 'CanonicalJsonError';

  constructor(readonly code: CanonicalJsonErrorCode) {
    super(`no canonical JSON: ${code}`);
  }
}

/**
 * The RFC 8785 (JCS) form of `value`, refusing whatever strict JSON refuses, so that
 * `parseStrict(canonicalize(v))` always gives `v` back.
 * @throws {CanonicalJsonError}
 */
export function canonicalize(value: unknown): string {
  assertStrictValue(value, 0);
  return rfc8785(value) as string;
}

/**
 * Parses strict JSON and requires it to be its own RFC 8785 form (no other white space, order or escapes).
 * @returns the parsed value
 * @throws {StrictJsonError} when it is no strict JSON
 * @throws {CanonicalJsonError} with code `not_canonical`
 */
export function assertCanonical(source: Uint8Array | string, limits: StrictJsonLimits = {}): JsonValue {
  const value = parseStrict(source, limits);
  const text = typeof source === 'string' ? source : utf8Text(source);
  if (rfc8785(value) !== text) throw new CanonicalJsonError('not_canonical');
  return value;
}

function assertStrictValue(value: unknown, depth: number): void {
  switch (typeof value) {
    case 'string':
      return assertWellFormed(value);
    case 'number':
      if (!Number.isSafeInteger(value)) throw new CanonicalJsonError('number');
      return;
    case 'boolean':
      return;
    case 'object':
      if (value === null) return;
      if (depth === JSON_DEPTH_MAX) throw new CanonicalJsonError('depth');
      return Array.isArray(value) ? assertArray(value, depth + 1) : assertObject(value, depth + 1);
    default:
      throw new CanonicalJsonError('type');
  }
}

function assertArray(array: unknown[], depth: number): void {
  // By index: an iterator method would skip holes.
  for (let i = 0; i < array.length; i++) assertStrictValue(array[i], depth);
}

function assertObject(object: object, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(object);
  // Only plain objects, of this realm or another: a class (Date, Map, Secret) decides for itself what JSON shows.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw new CanonicalJsonError('type');
  for (const key of Object.keys(object)) {
    assertWellFormed(key);
    assertStrictValue((object as Record<string, unknown>)[key], depth);
  }
}

// Under the `u` flag a surrogate pair is one code point, so this class matches only a lone half.
const LONE_SURROGATE = /[\uD800-\uDFFF]/u;

function assertWellFormed(text: string): void {
  if (LONE_SURROGATE.test(text)) throw new CanonicalJsonError('lone_surrogate');
}
