import { isHostname } from '../platform/outbound/hostname.js';
import { canonicalQueryPart, canonicalSegment } from './percent.js';
import { hasPlaceholder, refusePlaceholder } from './placeholder.js';
import { refuseTemplateUnless, refuseUrlUnless } from './refusal.js';

export const URL_CHARS_MAX = 8_192;

export type QueryPair = { readonly name: string; readonly value: string | null };

/** Where a request goes, in one canonical form: what is checked here is what is dialled. Placeholders stand in path and query as text. */
export type Target = {
  readonly scheme: 'https' | 'http';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly query: readonly QueryPair[];
  /** Scheme, host, port and path without the query: what may be written down. */
  readonly url: string;
};

export type TargetOptions = { readonly allowCleartext: boolean };

const DEFAULT_PORT = { https: 443, http: 80 } as const;

/** RFC 3986, appendix B, with an authority demanded: everything before the first of `/ ? #` is authority, whatever it holds. */
const URL_PARTS = /^([^:/?#]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;
const OUTSIDE_ASCII_GRAPHIC = /[^\x21-\x7e]/;
const AUTHORITY = /^([^:]*)(?::([1-9][0-9]{0,4}))?$/;
const PORT_MAX = 65_535;

/** Splits and canonicalises the URL once. Refuses in the raw string whatever two parsers could read in two ways. */
export function readTarget(rawUrl: string, options: TargetOptions): Target {
  refuseUrlUnless(rawUrl.length <= URL_CHARS_MAX, `the URL is longer than ${URL_CHARS_MAX} characters`);
  refuseUrlUnless(
    !OUTSIDE_ASCII_GRAPHIC.test(rawUrl),
    'the URL has white space, a control character or a non-ASCII character',
  );
  refuseUrlUnless(!rawUrl.includes('\\'), 'the URL has a backslash');
  const parts = URL_PARTS.exec(rawUrl);
  refuseUrlUnless(parts !== null, 'the URL is not absolute (https://host/path)');
  const [, rawScheme = '', authority = '', rawPath = '', rawQuery = '', fragment = ''] = parts;

  const scheme = readScheme(rawScheme, options);
  const { host, port } = readAuthority(authority, scheme);
  refusePlaceholder(fragment, 'fragment');
  const path = readPath(rawPath);
  const query = readQuery(rawQuery);
  const shownPort = port === DEFAULT_PORT[scheme] ? '' : `:${port}`;
  return { scheme, host, port, path, query, url: `${scheme}://${host}${shownPort}${path}` };
}

function readScheme(raw: string, { allowCleartext }: TargetOptions): 'https' | 'http' {
  refusePlaceholder(raw, 'scheme');
  const scheme = raw.toLowerCase();
  refuseUrlUnless(scheme === 'https' || scheme === 'http', 'the scheme is not https');
  refuseUrlUnless(scheme === 'https' || allowCleartext, 'cleartext http is not allowed here');
  return scheme;
}

function readAuthority(authority: string, scheme: 'https' | 'http'): { host: string; port: number } {
  refuseTemplateUnless(!hasPlaceholder(authority), '{{CREDENTIAL}} cannot stand in the user, host or port of the URL');
  refuseUrlUnless(!authority.includes('@'), 'the URL carries user information');
  refuseUrlUnless(!/[%{}[\]]/.test(authority), 'the host is not a plain DNS name');
  const parts = AUTHORITY.exec(authority);
  refuseUrlUnless(parts !== null, 'the port is not a number from 1 to 65535');
  const [, rawHost = '', rawPort] = parts;
  const host = rawHost.toLowerCase().replace(/\.$/, '');
  refuseUrlUnless(isHostname(host), 'the host is not a DNS name (IP addresses cannot be called)');
  const port = rawPort === undefined ? DEFAULT_PORT[scheme] : Number(rawPort);
  refuseUrlUnless(port <= PORT_MAX, 'the port is not a number from 1 to 65535');
  refuseUrlUnless(agreesWithPlatform(scheme, authority, host, port), 'the URL can be read in more than one way');
  return { host, port };
}

/** A second, independent parser must see the same host and port. It never decides; it can only refuse. */
function agreesWithPlatform(scheme: 'https' | 'http', authority: string, host: string, port: number): boolean {
  try {
    const url = new URL(`${scheme}://${authority}/`);
    const seenPort = url.port === '' ? DEFAULT_PORT[scheme] : Number(url.port);
    return url.hostname.replace(/\.$/, '') === host && seenPort === port && url.username === '' && url.password === '';
  } catch {
    return false;
  }
}

/** RFC 3986, 5.2.4, on segments already spelled canonically, so that `%2e%2e` counts and `%2F` separates nothing. */
function readPath(raw: string): string {
  const out: string[] = [];
  const segments = raw.split('/').slice(1).map(canonicalSegment);
  segments.forEach((segment, index) => {
    const isDots = segment === '.' || segment === '..';
    if (segment === '..') out.pop();
    if (!isDots) out.push(segment);
    else if (index === segments.length - 1) out.push('');
  });
  return `/${out.join('/')}`;
}

function readQuery(raw: string): QueryPair[] {
  return raw
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      const rawName = at < 0 ? pair : pair.slice(0, at);
      refusePlaceholder(rawName, 'name of a query parameter');
      return { name: canonicalQueryPart(rawName), value: at < 0 ? null : canonicalQueryPart(pair.slice(at + 1)) };
    });
}
