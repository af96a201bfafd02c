import { utf8Text } from './bytes.js';
import type { JsonValue } from './json-value.js';
import { JSON_DEPTH_MAX, parseStrict, type StrictJsonLimits } from './strict-json.js';

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
 * `parseStrict(canonicalize(v))` always gives `v` back (and `0` for `-0`, as RFC 8785 asks).
 *
 * Our own because it runs for every use of a credential: one pass checks and writes, three times as fast as checking
 * and then calling the `canonicalize` package, which the specs hold it against.
 * @throws {CanonicalJsonError}
 */
export function canonicalize(value: unknown): string {
  return write(value, 0);
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
  if (canonicalize(value) !== text) throw new CanonicalJsonError('not_canonical');
  return value;
}

/** Whether `text` holds no lone surrogate, which UTF-8 could not carry. */
export function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      if (!Number.isSafeInteger(value)) throw new CanonicalJsonError('number');
      return `${value}`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth === JSON_DEPTH_MAX) throw new CanonicalJsonError('depth');
      return Array.isArray(value) ? writeArray(value, depth + 1) : writeObject(value, depth + 1);
    default:
      throw new CanonicalJsonError('type');
  }
}

function writeArray(array: unknown[], depth: number): string {
  let text = '[';
  // By index: an iterator method would skip holes, which no JSON has.
  for (let i = 0; i < array.length; i++) text += (i === 0 ? '' : ',') + write(array[i], depth);
  return `${text}]`;
}

function writeObject(object: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(object);
  // Only plain objects, of this realm or another: a class (Date, Map, Secret) decides for itself what JSON shows.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw new CanonicalJsonError('type');
  let text = '{';
  // Sorted by UTF-16 code units, as RFC 8785 section 3.2.3 asks: the order sort() has by itself.
  for (const key of Object.keys(object).sort()) {
    const value = (object as Record<string, unknown>)[key];
    text += `${text === '{' ? '' : ','}${writeString(key)}:${write(value, depth)}`;
  }
  return `${text}}`;
}

// Most strings need no escape, and finding that out is cheaper than JSON.stringify.
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
// Under the `u` flag a surrogate pair is one code point, so this matches only a lone half.
const LONE_SURROGATE = /[\uD800-\uDFFF]/u;

function writeString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  if (!isWellFormed(text)) throw new CanonicalJsonError('lone_surrogate');
  // For well-formed text JSON.stringify escapes exactly as RFC 8785 section 3.2.2.2 does.
  return JSON.stringify(text);
}
