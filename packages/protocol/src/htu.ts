/** Longest URI that is normalised, in characters. */
export const HTU_LENGTH_MAX = 2_048;

const SHAPE = /^(https?):\/\/([^/?#]+)([^?#[\]]*)(?:\?[^#]*)?(?:#[^#]*)?$/i;
// No userinfo (an `@`), no percent-encoding in the host, no zone: an origin is a plain name or address and a port.
const AUTHORITY = /^([a-z0-9._~!$&'()*+,;=-]+|\[[0-9a-f:.]+\])(?::([0-9]{0,5}))?$/;
const ALLOWED = /^[\x21-\x7e]+$/;
const FORBIDDEN = /[\\"<>^`{|}]|%(?![0-9a-fA-F]{2})/;
const UNRESERVED = /[A-Za-z0-9._~-]/;
const DEFAULT_PORTS: Record<string, string> = { http: '80', https: '443' };

/**
 * The normal form in which two `htu` are compared (RFC 9449 section 4.3): RFC 3986 section 6.2.2 and 6.2.3, without
 * query and fragment. Scheme and host lower case, default port dropped, percent-encoding upper case and undone for
 * unreserved characters, dot segments removed, an empty path `/`. `%2F` stays `%2F`.
 * @returns undefined for anything but an absolute http or https URI in ASCII without userinfo
 */
export function normalizeHtu(uri: string): string | undefined {
  if (uri.length > HTU_LENGTH_MAX || !ALLOWED.test(uri) || FORBIDDEN.test(uri)) return undefined;
  const [, scheme, authority, path] = SHAPE.exec(uri) ?? [];
  if (scheme === undefined || authority === undefined) return undefined;
  const lowerScheme = scheme.toLowerCase();
  const [, host, port] = AUTHORITY.exec(authority.toLowerCase()) ?? [];
  if (host === undefined) return undefined;
  const digits = port?.replace(/^0+(?=.)/, '') ?? '';
  const suffix = digits === '' || digits === DEFAULT_PORTS[lowerScheme] ? '' : `:${digits}`;
  return `${lowerScheme}://${host}${suffix}${withoutDotSegments(canonicalPercent(path ?? ''))}`;
}

/** RFC 3986 sections 6.2.2.1 and 6.2.2.2. */
function canonicalPercent(path: string): string {
  return path.replace(/%[0-9a-fA-F]{2}/g, (triplet) => {
    const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
    return UNRESERVED.test(character) ? character : triplet.toUpperCase();
  });
}

/** RFC 3986 section 5.2.4, on a path that starts with a slash or is empty. */
function withoutDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1;
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
    if (last && (segment === '.' || segment === '..')) kept.push('');
  }
  return `/${kept.join('/')}`;
}
