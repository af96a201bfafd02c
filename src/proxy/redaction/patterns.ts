import { asBuffer, ownConcat, ownText } from '../../platform/crypto/own-memory.js';

/** A form in which a secret is looked for, as symbols, so that spellings that mean the same are one. */
export type Pattern = {
  readonly symbols: Uint8Array;
  /** The symbols in one of their spellings. */
  readonly text: Uint8Array;
  readonly alphabet: Alphabet;
  /** Characters just before and just after that carry bits of the secret beside those of a neighbour; padding may follow. */
  readonly before: Seam | null;
  readonly after: Seam | null;
  /** For each prefix of `symbols`, the length of its longest proper prefix that is also its suffix. */
  readonly fallback: Uint32Array;
};

/** From byte to symbol, `NO_SYMBOL` for what a form never holds; and the bytes of each symbol. */
type Alphabet = { readonly symbolOf: Uint8Array; readonly bytesOf: readonly (readonly number[])[] };

/** A base64 character of which only the bits under `mask` come from the secret. */
export type Seam = { readonly mask: number; readonly bits: number };

const NO_SYMBOL = 255;
const BASE64_VALUES = 64;
const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const code = (char: string): number => char.charCodeAt(0);

export const sharesBits = (seam: Seam | null, symbol: number): boolean =>
  seam !== null && symbol < BASE64_VALUES && (symbol & seam.mask) === seam.bits;

/** Form encoding writes a blank as `+`: both are one symbol. */
const PLAIN_ALPHABET = alphabet((char) => code(char === '+' ? ' ' : char));

/** Both alphabets of RFC 4648 in one, and the blank that a form decoder makes of `+`. */
const BASE64_ALPHABET = alphabet((char) => {
  if ('+- '.includes(char)) return 62;
  if ('/_'.includes(char)) return 63;
  return ALPHANUMERIC.indexOf(char);
});

const HEX_ALPHABET = alphabet((char) => '0123456789abcdef'.indexOf(char.toLowerCase()));

function alphabet(of: (char: string) => number): Alphabet {
  const bytesOf: number[][] = Array.from({ length: 256 }, () => []);
  const symbolOf = Uint8Array.from({ length: 256 }, (_unused, byte) => {
    const symbol = of(String.fromCharCode(byte));
    if (symbol < 0) return NO_SYMBOL;
    (bytesOf[symbol] as number[]).push(byte);
    return symbol;
  });
  return { symbolOf, bytesOf };
}

/** A secret itself, its hexadecimal digits, and its base64 at each of the three places in a group of three bytes. */
export function patternsOf(secret: Uint8Array): Pattern[] {
  const hexDigits = ownText(asBuffer(secret).toString('hex'));
  const whole = [toPattern(secret, PLAIN_ALPHABET), toPattern(hexDigits, HEX_ALPHABET)];
  const all = [...whole, base64(secret, 0), base64(secret, 1), base64(secret, 2)];
  return all.filter(({ symbols }) => symbols.length > 0);
}

function toPattern(
  text: Uint8Array,
  letters: Alphabet,
  before: Seam | null = null,
  after: Seam | null = null,
): Pattern {
  const symbols = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) symbols[at] = letters.symbolOf[text[at] as number] as number;
  return { symbols, text, alphabet: letters, before, after, fallback: fallbackOf(symbols) };
}

function fallbackOf(symbols: Uint8Array): Uint32Array {
  const table = new Uint32Array(symbols.length);
  let length = 0;
  for (let at = 1; at < symbols.length; at += 1) {
    while (length > 0 && symbols[length] !== symbols[at]) length = table[length - 1] as number;
    if (symbols[length] === symbols[at]) length += 1;
    table[at] = length;
  }
  return table;
}

/**
 * Base64 of `secret` behind `offset` other bytes (`Basic` puts a user name there): the characters that depend on the secret
 * alone, and the seams at both ends.
 */
function base64(secret: Uint8Array, offset: number): Pattern {
  const text = ownText(ownConcat([Buffer.alloc(offset), secret, Buffer.alloc(3)]).toString('base64'));
  const from = offset * 8;
  const to = (offset + secret.length) * 8;
  const first = Math.ceil(from / 6);
  const end = Math.floor(to / 6);
  const lowBits = first * 6 - from;
  const highBits = to - end * 6;
  const seam = (at: number, mask: number): Seam => ({
    mask,
    bits: (BASE64_ALPHABET.symbolOf[text[at] as number] as number) & mask,
  });
  return toPattern(
    text.subarray(first, end),
    BASE64_ALPHABET,
    lowBits === 0 ? null : seam(first - 1, (1 << lowBits) - 1),
    highBits === 0 ? null : seam(end, 63 & ~(63 >> highBits)),
  );
}
