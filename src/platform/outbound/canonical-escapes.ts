/** RFC 3986, 2.3 and 3.3, 3.4: what may stand unescaped. `&`, `=` and `+` are data or separators of the query, decided before. */
export const UNRESERVED = /[A-Za-z0-9\-._~]/;
const ALL_UNRESERVED = /^[A-Za-z0-9\-._~]*$/;
export const PATH_CHAR = /[A-Za-z0-9\-._~!$&'()*+,;=:@]/;
export const QUERY_CHAR = /[A-Za-z0-9\-._~!$&'()*+,;=:@/?]/;
export const ESCAPE_OR_CHAR = /%([0-9A-Fa-f]{2})|([\s\S])/g;

export const escapeByte = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;

/**
 * One spelling of an ASCII text: escapes in upper case, none for unreserved characters, and one for each character that is not
 * `plain`. Null when a % begins no escape.
 */
export function canonicalEscapes(raw: string, plain: RegExp): string | null {
  if (ALL_UNRESERVED.test(raw)) return raw;
  let broken = false;
  const out = raw.replace(ESCAPE_OR_CHAR, (_all, hex: string | undefined, char: string | undefined) => {
    if (hex !== undefined) {
      const decoded = String.fromCharCode(parseInt(hex, 16));
      return UNRESERVED.test(decoded) ? decoded : `%${hex.toUpperCase()}`;
    }
    broken ||= char === '%';
    return plain.test(char as string) ? (char as string) : escapeByte((char as string).charCodeAt(0));
  });
  return broken ? null : out;
}
