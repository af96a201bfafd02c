/** Not a character of the alphabet: a bit that no six-bit value has. */
const FOREIGN = 0x40;

const URL_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const STANDARD_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const URL_VALUES = valuesOf(URL_ALPHABET);
const STANDARD_VALUES = valuesOf(STANDARD_ALPHABET);

function valuesOf(alphabet: string): Uint8Array {
  const values = new Uint8Array(128).fill(FOREIGN);
  for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i;
  return values;
}

function encode(bytes: Uint8Array, alphabet: string): string {
  let text = '';
  let i = 0;
  for (; i + 2 < bytes.length; i += 3) {
    const triple = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    text +=
      alphabet[triple >> 18]! + alphabet[(triple >> 12) & 63]! + alphabet[(triple >> 6) & 63]! + alphabet[triple & 63]!;
  }
  if (i + 1 === bytes.length) text += alphabet[bytes[i]! >> 2]! + alphabet[(bytes[i]! & 3) << 4]!;
  if (i + 2 === bytes.length) {
    const pair = (bytes[i]! << 8) | bytes[i + 1]!;
    text += alphabet[pair >> 10]! + alphabet[(pair >> 4) & 63]! + alphabet[(pair & 15) << 2]!;
  }
  return text;
}

function decode(text: string, values: Uint8Array): Uint8Array | undefined {
  if (text.length % 4 === 1) return undefined;
  const bytes = new Uint8Array((text.length * 3) >> 2);
  let foreign = 0;
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const value = code < 128 ? values[code]! : FOREIGN;
    foreign |= value;
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
    }
  }
  // Trailing bits that no byte uses must be zero, or one value would have several spellings.
  if (foreign & FOREIGN || held & ((1 << bits) - 1)) return undefined;
  return bytes;
}

/** Base64url without padding (RFC 7515 section 2). */
export function toBase64Url(bytes: Uint8Array): string {
  return encode(bytes, URL_ALPHABET);
}

/**
 * Strict base64url (RFC 7515 section 2): no padding, no white space, unused trailing bits zero, so that each value
 * has exactly one spelling.
 * @returns the bytes, or undefined when `text` is anything else
 */
export function fromBase64Url(text: string): Uint8Array | undefined {
  return decode(text, URL_VALUES);
}

/** Base64 with padding (RFC 4648 section 4), as C2SP notes use it. */
export function toBase64(bytes: Uint8Array): string {
  return encode(bytes, STANDARD_ALPHABET) + '='.repeat((3 - (bytes.length % 3)) % 3);
}

/**
 * Strict base64 (RFC 4648 section 4): padding required, no white space, unused trailing bits zero.
 * @returns the bytes, or undefined when `text` is anything else
 */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return decode(text.slice(0, text.length - padding), STANDARD_VALUES);
}
