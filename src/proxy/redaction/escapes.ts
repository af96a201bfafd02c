import { asBuffer } from '../../platform/crypto/own-memory.js';

/** What begins at a position: not enough seen to say, nothing special, or an escape of `length` characters for `bytes`. */
export type Escape = 'incomplete' | 'literal' | { readonly length: number; readonly bytes: Uint8Array };
export type ReadEscape = (bytes: Uint8Array, at: number) => Escape;

export type EscapeKind = { readonly introducer: number; readonly read: ReadEscape };

const code = (char: string): number => char.charCodeAt(0);
const one = (length: number, byte: number): Escape => ({ length, bytes: Uint8Array.of(byte) });
const character = (length: number, point: number): Escape => ({
  length,
  bytes: Buffer.from(String.fromCodePoint(point)),
});

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** The number in `count` hexadecimal digits from `at`, -1 if they are none, NaN if the end comes first. */
function hexNumber(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = at; index < at + count; index += 1) {
    if (index >= bytes.length) return Number.NaN;
    const digit = hexDigit(bytes[index] as number);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/** `%2F`, `%2f`. */
function readPercent(bytes: Uint8Array, at: number): Escape {
  const value = hexNumber(bytes, at + 1, 2);
  if (Number.isNaN(value)) return 'incomplete';
  return value < 0 ? 'literal' : one(3, value);
}

const JSON_SHORT = new Map(
  Object.entries({ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }).map(
    ([name, char]) => [code(name), code(char)],
  ),
);
const SURROGATE_PAIR_CHARS = 12;

/** `\"`, `\/`, `\u002F`, and pairs of surrogates (RFC 8259, 7). */
function readJson(bytes: Uint8Array, at: number): Escape {
  if (at + 1 >= bytes.length) return 'incomplete';
  const kind = bytes[at + 1] as number;
  const short = JSON_SHORT.get(kind);
  if (short !== undefined) return one(2, short);
  if (kind !== code('u')) return 'literal';
  const unit = hexNumber(bytes, at + 2, 4);
  if (Number.isNaN(unit)) return 'incomplete';
  if (unit < 0) return 'literal';
  return unit >= 0xd800 && unit <= 0xdbff ? readSurrogates(bytes, at, unit) : character(6, unit);
}

function readSurrogates(bytes: Uint8Array, at: number, high: number): Escape {
  const follows = bytes.subarray(at + 6, at + 8);
  if (![...follows].every((byte, index) => byte === code('\\u'[index] as string))) return 'literal';
  const low = hexNumber(bytes, at + 8, 4);
  if (follows.length < 2 || Number.isNaN(low)) return 'incomplete';
  if (low < 0xdc00 || low > 0xdfff) return 'literal';
  return character(SURROGATE_PAIR_CHARS, (high - 0xd800) * 0x400 + (low - 0xdc00) + 0x10000);
}

const ENTITY_CHARS_MAX = 12;
const NAMED = new Map(
  Object.entries({ quot: '"', amp: '&', lt: '<', gt: '>', apos: "'", sol: '/', plus: '+', equals: '=' }),
);
const ENTITY_PREFIX = /^&(?:#(?:[0-9]*|[xX][0-9a-fA-F]*)|[a-z]*)$/;
const POINT_MAX = 0x10ffff;

/** `&amp;`, `&#47;`, `&#x2F;`: numbers, and the names that encoders use for characters a secret can have. */
function readEntity(bytes: Uint8Array, at: number): Escape {
  const text = asBuffer(bytes.subarray(at, at + ENTITY_CHARS_MAX)).toString('latin1');
  const end = text.indexOf(';');
  if (end < 0) return text.length < ENTITY_CHARS_MAX && ENTITY_PREFIX.test(text) ? 'incomplete' : 'literal';
  const name = text.slice(1, end);
  const named = NAMED.get(name);
  if (named !== undefined) return one(end + 1, code(named));
  const number = /^#(?:([0-9]+)|[xX]([0-9a-fA-F]+))$/.exec(name);
  if (number === null) return 'literal';
  const point = number[1] === undefined ? parseInt(number[2] as string, 16) : parseInt(number[1], 10);
  return point <= POINT_MAX ? character(end + 1, point) : 'literal';
}

export const PERCENT: EscapeKind = { introducer: code('%'), read: readPercent };
export const JSON_STRING: EscapeKind = { introducer: code('\\'), read: readJson };
export const HTML_ENTITY: EscapeKind = { introducer: code('&'), read: readEntity };
