import { getDomain } from 'tldts';
import { isHostname } from '../platform/outbound/hostname.js';

export type DomainPattern = { readonly ok: true; readonly pattern: string };
export type DomainPatternRefusal = { readonly ok: false; readonly message: string };

const WILDCARD = '*.';
const OUTSIDE_ASCII_GRAPHIC = /[^\x21-\x7e]/;

/** The public suffix list with its private section: `github.io` is as public as `com`, since strangers get names under it. */
const registrable = (host: string): string | null => getDomain(host, { allowPrivateDomains: true });

/** The stored form of `api.example.com` or `*.example.com`, in lower case, or why it cannot be stored. */
export function parseDomainPattern(input: string): DomainPattern | DomainPatternRefusal {
  const refused = (message: string): DomainPatternRefusal => ({ ok: false, message });
  if (OUTSIDE_ASCII_GRAPHIC.test(input))
    return refused('write international names in their xn-- form, without white space');
  if (/[/\\?#@]/.test(input)) return refused('give a host name, not a URL');
  if (input.includes(':')) return refused('give a host name without a port; ports have their own field');
  const pattern = input.toLowerCase().replace(/\.$/, '');
  const isWildcard = pattern.startsWith(WILDCARD);
  const host = isWildcard ? pattern.slice(WILDCARD.length) : pattern;
  if (host === '*' || host.includes('*'))
    return refused('a * can only stand at the beginning, before a dot: *.example.com');
  if (!isHostname(host)) return refused('not a DNS host name (IP addresses cannot be allowed)');
  if (!host.includes('.'))
    return refused(isWildcard ? 'too wide: anybody can register a name under it' : 'needs at least two labels');
  if (isWildcard && registrable(host) === null) return refused('too wide: anybody can register a name under it');
  return { ok: true, pattern };
}

/**
 * `*.example.com` covers every subdomain, but not `example.com`, and never crosses into a name that strangers can register:
 * `*.amazonaws.com` does not cover `evil-bucket.s3.amazonaws.com`, whose parent is a public suffix.
 */
export function matches(pattern: string, host: string): boolean {
  if (!pattern.startsWith(WILDCARD)) return host === pattern;
  const base = pattern.slice(WILDCARD.length);
  return host.length > base.length + 1 && host.endsWith(`.${base}`) && registrable(host) === registrable(base);
}
