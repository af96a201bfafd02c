import {
  canonicalEscapes,
  ESCAPE_OR_CHAR,
  escapeByte,
  PATH_CHAR,
  QUERY_CHAR,
  UNRESERVED,
} from '../platform/outbound/canonical-escapes.js';
import { joinText, mapLiterals, splitText } from './placeholder.js';
import { refuseUrlUnless } from './refusal.js';

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
  const spelled = mapLiterals(splitText(raw), (literal) => {
    const one = canonicalEscapes(literal, plain);
    refuseUrlUnless(one !== null, 'the URL has a % that begins no escape');
    return one;
  });
  return joinText(spelled);
}
