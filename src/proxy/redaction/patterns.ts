import { asBuffer, ownConcat } from '../../platform/crypto/own-memory.js';

/** A form in which a secret is looked for, in one of its spellings. Enough to say that a text does not hold it. */
export type Form = {
  readonly text: Uint8Array;
  readonly alphabet: Alphabet;
  /** Characters just before and just after that carry bits of the secret beside those of a neighbour; padding may follow. */
  readonly before: Seam | null;
  readonly after: Seam | null;
};

/** A form as symbols, so that spellings that mean the same are one. Enough to find where a text holds it. */
export type Pattern = Form & {
  readonly symbols: Uint8Array;
  /** For each prefix of `symbols`, the length of its longest proper prefix that is also its suffix. */
  readonly fallback: Uint32Array;
};

/** From byte to symbol, `NO_SYMBOL` for what a form never holds; and the bytes of each symbol. */
type Alphabet = { readonly symbolOf: Uint8Array; readonly bytesOf: readonly (readonly number[])[] };

/** A base64 character of which only the bits under `mask` come from the secret. */
export type Seam = { readonly mask: number; readonly bits: number };

const NO_SYMBOL = 255;
const BASE64_VALUES = 64;
const EACH_BASE64_VALUE = Array.from({ length: BASE64_VALUES }, (_unused, value) => value);
const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** A whole group of three bytes. */
const AROUND = new Uint8Array(3);
const OFFSETS = [0, 1, 2] as const;
const code = (char: string): number => char.charCodeAt(0);

/** The base64 values that agree with a seam. */
export function symbolsSharing(seam: Seam | null): number[] {
  if (seam === null) return [];
  return EACH_BASE64_VALUE.filter((symbol) => sharesBits(seam, symbol));
}

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

/**
 * A secret itself, its hexadecimal digits, and its base64 at each of the three places in a group of three bytes. In memory
 * of their own: the secret may be wiped behind them.
 */
export function formsOf(secret: Uint8Array): Form[] {
  const padded = ownConcat([AROUND, secret, AROUND]);
  const hexDigits = asBuffer(secret).toString('hex');
  const encoded = OFFSETS.map((offset) => padded.toString('base64', AROUND.length - offset));
  // One piece of memory for all of them: this is done for every call.
  const memory = Buffer.alloc(encoded.reduce((sum, { length }) => sum + length, secret.length + hexDigits.length));
  memory.set(secret);
  let end = secret.length;
  const kept = (text: string): Buffer => memory.subarray(end, (end += memory.write(text, end, 'latin1')));
  return [
    { text: memory.subarray(0, end), alphabet: PLAIN_ALPHABET, before: null, after: null },
    { text: kept(hexDigits), alphabet: HEX_ALPHABET, before: null, after: null },
    ...OFFSETS.map((offset) => base64(kept(encoded[offset] as string), offset, secret.length)),
  ].filter(({ text }) => text.length > 0);
}

export function patternOf(form: Form): Pattern {
  const { text, alphabet: letters } = form;
  const symbols = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) symbols[at] = letters.symbolOf[text[at] as number] as number;
  const { before, after } = form;
  return { text, alphabet: letters, before, after, symbols, fallback: fallbackOf(symbols) };
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
 * Base64 of a secret of `length` bytes behind `offset` others (`Basic` puts a user name there) and before more of them: the
 * characters that depend on the secret alone, and the seams at both ends.
 */
function base64(text: Buffer, offset: number, length: number): Form {
  const from = offset * 8;
  const to = (offset + length) * 8;
  const first = Math.ceil(from / 6);
  const end = Math.floor(to / 6);
  const lowBits = first * 6 - from;
  const highBits = to - end * 6;
  const seam = (at: number, mask: number): Seam => ({
    mask,
    bits: (BASE64_ALPHABET.symbolOf[text[at] as number] as number) & mask,
  });
  return {
    text: text.subarray(first, end),
    alphabet: BASE64_ALPHABET,
    before: lowBits === 0 ? null : seam(first - 1, (1 << lowBits) - 1),
    after: highBits === 0 ? null : seam(end, 63 & ~(63 >> highBits)),
  };
}
