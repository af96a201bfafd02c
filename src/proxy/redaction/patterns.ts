/** A form in which a secret is looked for, as symbols, so that spellings that mean the same are one. */
export type Pattern = {
  readonly symbols: Uint8Array;
  /** From byte to symbol; `NO_SYMBOL` for what the form never holds. */
  readonly alphabet: Uint8Array;
  /** Symbols that carry some bits of the secret and some of a neighbour, just before and just after; padding may follow the latter. */
  readonly before: ReadonlySet<number> | null;
  readonly after: ReadonlySet<number> | null;
};

export const NO_SYMBOL = 255;
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const code = (char: string): number => char.charCodeAt(0);

/** Form encoding writes a blank as `+`: both are one symbol. */
const PLAIN_ALPHABET = alphabet((byte) => (byte === code('+') ? code(' ') : byte));

/** Both alphabets of RFC 4648 in one, and the blank that a form decoder makes of `+`. */
const BASE64_ALPHABET = alphabet((byte) => {
  const char = String.fromCharCode(byte);
  if ('+- '.includes(char)) return 62;
  if ('/_'.includes(char)) return 63;
  const value = BASE64.indexOf(char);
  return value < 0 ? NO_SYMBOL : value;
});

const HEX_ALPHABET = alphabet((byte) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase());
  return value < 0 ? NO_SYMBOL : value;
});

function alphabet(symbolOf: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_unused, byte) => symbolOf(byte));
}

/** The secret itself, its hexadecimal digits, and its base64 at each of the three places in a group of three bytes. */
export function patternsOf(secret: Uint8Array): Pattern[] {
  const patterns = [plain(secret), hex(secret), ...[0, 1, 2].map((offset) => base64(secret, offset))];
  return patterns.filter(({ symbols }) => symbols.length > 0);
}

const plain = (secret: Uint8Array): Pattern =>
  whole(
    secret.map((byte) => PLAIN_ALPHABET[byte] as number),
    PLAIN_ALPHABET,
  );

const hex = (secret: Uint8Array): Pattern =>
  whole(Uint8Array.from([...secret].flatMap((byte) => [byte >> 4, byte & 15])), HEX_ALPHABET);

const whole = (symbols: Uint8Array, of: Uint8Array): Pattern => ({
  symbols,
  alphabet: of,
  before: null,
  after: null,
  padded: false,
});

/**
 * Base64 of `secret` behind `offset` other bytes (`Basic` puts a user name there): the characters that depend on the secret
 * alone, and the sets of characters that can stand at the seams.
 */
function base64(secret: Uint8Array, offset: number): Pattern {
  const bits = { from: offset * 8, to: (offset + secret.length) * 8 };
  const encoded = Buffer.concat([Buffer.alloc(offset), secret, Buffer.alloc(3)]).toString('base64');
  const values = Uint8Array.from(encoded, (char) => BASE64_ALPHABET[code(char)] as number);
  const first = Math.ceil(bits.from / 6);
  const end = Math.floor(bits.to / 6);
  const ownBefore = first * 6 - bits.from;
  const ownAfter = bits.to - end * 6;
  return {
    symbols: values.slice(first, end),
    alphabet: BASE64_ALPHABET,
    before: ownBefore === 0 ? null : sharing(values[first - 1] as number, (1 << ownBefore) - 1),
    after: ownAfter === 0 ? null : sharing(values[end] as number, 63 & ~(63 >> ownAfter)),
  };
}

/** Every base64 value that has the same bits under `mask`. */
function sharing(value: number, mask: number): ReadonlySet<number> {
  return new Set(
    Array.from({ length: 64 }, (_unused, other) => other).filter((other) => (other & mask) === (value & mask)),
  );
}
