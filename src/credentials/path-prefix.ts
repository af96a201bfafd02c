import { canonicalEscapes, PATH_CHAR } from '../platform/outbound/canonical-escapes.js';

export type PathPrefix = { readonly ok: true; readonly prefix: string };
export type PathPrefixRefusal = { readonly ok: false; readonly message: string };

const OUTSIDE_ASCII_GRAPHIC = /[^\x21-\x7e]/;

/** The stored form of a path prefix, spelled as request paths are and without a slash at the end, or why it cannot be stored. */
export function parsePathPrefix(input: string): PathPrefix | PathPrefixRefusal {
  const refused = (message: string): PathPrefixRefusal => ({ ok: false, message });
  if (!input.startsWith('/')) return refused('a path begins with /');
  if (OUTSIDE_ASCII_GRAPHIC.test(input) || input.includes('\\'))
    return refused('write other characters than visible ASCII, and backslashes, as % escapes');
  if (/[?#]/.test(input)) return refused('give a path, without query and fragment');
  const segments = input.replace(/\/$/, '').split('/').slice(1);
  if (segments.length === 0) return refused('covers every path: leave path_prefixes out instead');
  const spelled = segments.map((segment) => canonicalEscapes(segment, PATH_CHAR));
  if (spelled.includes(null)) return refused('has a % that begins no escape');
  if (spelled.some((segment) => segment === '' || segment === '.' || segment === '..'))
    return refused('has an empty segment, or one of dots');
  return { ok: true, prefix: `/${spelled.join('/')}` };
}

/** Whole segments: `/v1/models` covers itself and `/v1/models/x`, not `/v1/models-x`. Both are in their one spelling. */
export const coversPath = (prefix: string, path: string): boolean => path === prefix || path.startsWith(`${prefix}/`);
