import { PLACEHOLDER } from './placeholder.js';
import { refuseUrlUnless } from './refusal.js';

/** RFC 3986, 2.3 and 3.3, 3.4: what may stand unescaped. `&`, `=` and `+` are data or separators of the query, decided before. */
const UNRESERVED = /[A-Za-z0-9\-._~]/;
const PATH_CHAR = /[A-Za-z0-9\-._~!$&'()*+,;=:@]/;
const QUERY_CHAR = /[A-Za-z0-9\-._~!$&'()*+,;=:@/?]/;
const ESCAPE_OR_CHAR = /%([0-9A-Fa-f]{2})|([\s\S])/g;

const escapeByte = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;

const ENCODED = Array.from({ length: 256 }, (_unused, byte) => {
  const char = String.fromCharCode(byte);
  return UNRESERVED.test(char) ? char : escapeByte(byte);
});

/** Every byte outside the unreserved set is escaped, so that the result is one path segment, query value or form value. */
export function percentEncode(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) out += ENCODED[byte] as string;
  return out;
}

/** One spelling for each path segment: escapes in upper case, none for unreserved characters (`%2F` stays, `%2e` does not). */
export const canonicalSegment = (raw: string): string => canonical(raw, PATH_CHAR);

/** One spelling for each name or value of a query. */
export const canonicalQueryPart = (raw: string): string => canonical(raw, QUERY_CHAR);

/** What a form or query decoder reads, to compare names. */
export function decodedQueryPart(part: string): string {
  const bytes = part
    .replaceAll('+', ' ')
    .replace(ESCAPE_OR_CHAR, (_all, hex: string | undefined, char: string | undefined) =>
      hex === undefined ? (char as string) : String.fromCharCode(parseInt(hex, 16)),
    );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Placeholders are kept; what is between them is spelled canonically. `raw` is ASCII by then. */
function canonical(raw: string, plain: RegExp): string {
  const literals = raw.split(PLACEHOLDER).map((literal) =>
    literal.replace(ESCAPE_OR_CHAR, (_all, hex: string | undefined, char: string | undefined) => {
      if (hex !== undefined) {
        const decoded = String.fromCharCode(parseInt(hex, 16));
        return UNRESERVED.test(decoded) ? decoded : `%${hex.toUpperCase()}`;
      }
      refuseUrlUnless(char !== '%', 'the URL has a % that begins no escape');
      return plain.test(char as string) ? (char as string) : escapeByte((char as string).charCodeAt(0));
    }),
  );
  return literals.join(PLACEHOLDER);
}
