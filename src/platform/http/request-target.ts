/** Longer than any route needs; the header limit of Node would allow four times as much. */
export const TARGET_BYTES_MAX = 4_096;

const PATH = /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@/%]*$/;
const QUERY = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*$/;
const BAD_PERCENT = /%(?![0-9A-Fa-f]{2})/;
const LOWER_CASE_PERCENT = /%(?:[a-f][0-9A-Fa-f]|[0-9][a-f])/;
/** %2D %2E %5F %7E, digits and letters: RFC 3986 section 6.2.2.2 writes these bare. */
const ENCODED_UNRESERVED = /%(?:2[DE]|3[0-9]|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])/;
const DOT_SEGMENT = /\/\.{1,2}(?:\/|$)/;

/**
 * Why a raw request target is not its own normal form, or null when it is. Two parties that normalise differently would
 * see two resources in one signed `htu`, so nothing is normalised here: what is not normal is refused.
 */
export function targetFault(target: string): string | null {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  if (!PATH.test(path)) return 'The request target must be a path that starts with / and holds URL characters only.';
  if (mark !== -1 && !QUERY.test(target.slice(mark + 1)))
    return 'The query holds characters that must be percent-encoded.';
  if (!target.includes('%') && !path.includes('/.')) return null;
  if (BAD_PERCENT.test(target)) return 'The request target is not valid percent-encoding.';
  if (LOWER_CASE_PERCENT.test(path) || ENCODED_UNRESERVED.test(path))
    return 'The path is not in its normal form (RFC 3986, 6.2.2).';
  if (DOT_SEGMENT.test(path)) return 'The path holds . or .. segments.';
  return null;
}

/** The path of a raw target, as it was sent. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? target : target.slice(0, mark);
}
