import { asBuffer } from '../../platform/crypto/own-memory.js';

/** What begins at a position: not enough seen to say, nothing special, or an escape of `length` characters for `bytes`. */
export type Escape = 'incomplete' | 'literal' | { readonly length: number; readonly bytes: Uint8Array };

export type EscapeKind = {
  /** The first place from `from` on where one may begin, or -1. `letters`: those of a line that stood directly before the first byte. */
  readonly find: (bytes: Uint8Array, from: number, letters: number) => number;
  readonly read: (bytes: Uint8Array, at: number) => Escape;
};

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

const CR = code('\r');
const LF = code('\n');
/** Where a line ends, the characters of its end; 0 where none does, NaN if the end comes before one can tell. */
function lineEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at] === LF) return 1;
  if (at < bytes.length && bytes[at] !== CR) return 0;
  if (at + 1 >= bytes.length) return Number.NaN;
  return bytes[at + 1] === LF ? 2 : 0;
}

/** `=2F`, and `=` at the end of a line, which goes on in the next (RFC 2045, 6.7). */
function readQuotedPrintable(bytes: Uint8Array, at: number): Escape {
  const end = lineEnd(bytes, at + 1);
  if (Number.isNaN(end)) return 'incomplete';
  if (end > 0) return { length: 1 + end, bytes: NOTHING };
  const value = hexNumber(bytes, at + 1, 2);
  if (Number.isNaN(value)) return 'incomplete';
  return value < 0 ? 'literal' : one(3, value);
}

const NOTHING = new Uint8Array(0);
/** Encoders break lines at 60 letters (xxd), 64 (PEM) or 76 (MIME): fewer than this are no line of theirs but its last. */
const LINE_LETTERS_MIN = 32;
const IS_LETTER = Uint8Array.from({ length: 256 }, (_unused, byte) =>
  /[A-Za-z0-9+/_-]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

/** How many letters of base64 or hexadecimal digits stand directly before `at`, counted to as many as make a line. */
export function lettersBefore(bytes: Uint8Array, at: number, letters: number): number {
  const from = Math.max(0, at - LINE_LETTERS_MIN);
  const start = lineStart(bytes, from, at);
  return Math.min(at - start + (start === 0 ? letters : 0), LINE_LETTERS_MIN);
}

/** Where the letters that end before `end` begin, `from` at the earliest. */
function lineStart(bytes: Uint8Array, from: number, end: number): number {
  let start = end;
  while (start > from && IS_LETTER[bytes[start - 1] as number] === 1) start -= 1;
  return start;
}

/** The first end of a line of letters. Looks at the end of the shortest such line first, so that most are never looked at. */
function findLineBreak(bytes: Uint8Array, from: number, letters: number): number {
  let start = from - lettersBefore(bytes, from, letters);
  while (start + LINE_LETTERS_MIN < bytes.length) {
    let end = start + LINE_LETTERS_MIN;
    const known = Math.max(start, from);
    const begun = lineStart(bytes, known, end);
    if (begun > known) {
      start = begun;
      continue;
    }
    while (end < bytes.length && IS_LETTER[bytes[end] as number] === 1) end += 1;
    if (bytes[end] === LF || bytes[end] === CR) return end;
    start = end + 1;
  }
  return -1;
}

/** The end of a line in the midst of base64 or hexadecimal digits (RFC 2045, 6.8; RFC 7468). */
function readLineBreak(bytes: Uint8Array, at: number): Escape {
  const end = lineEnd(bytes, at);
  if (Number.isNaN(end)) return 'incomplete';
  return end > 0 ? { length: end, bytes: NOTHING } : 'literal';
}

const introducedBy = (introducer: string): EscapeKind['find'] => {
  const byte = code(introducer);
  return (bytes, from) => bytes.indexOf(byte, from);
};

export const PERCENT: EscapeKind = { find: introducedBy('%'), read: readPercent };
export const JSON_STRING: EscapeKind = { find: introducedBy('\\'), read: readJson };
export const HTML_ENTITY: EscapeKind = { find: introducedBy('&'), read: readEntity };
export const QUOTED_PRINTABLE: EscapeKind = { find: introducedBy('='), read: readQuotedPrintable };
export const LINE_BREAK: EscapeKind = { find: findLineBreak, read: readLineBreak };

/** Whether a text has anything to undo. */
export function holds({ find, read }: EscapeKind, text: Uint8Array): boolean {
  for (let at = find(text, 0, 0); at >= 0; at = find(text, at + 1, 0)) if (read(text, at) !== 'literal') return true;
  return false;
}
