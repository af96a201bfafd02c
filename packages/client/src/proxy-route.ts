import type { FetchOptions } from './fetch-options.js';

// Of this hop only (RFC 9110 section 7.6.1), or made anew by whoever sends the request.
const MADE_ANEW = [
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
/** What Chancery reads itself: the upstream's travels beside it. */
const TAKEN = ['authorization', 'dpop', 'prefer'];
/** The longest a server holds a request while a person decides. */
const HELD_SECONDS_MAX = 60;

/**
 * Where a request for `target` goes: `/v1/credentials/{name}/proxy/{scheme}/{host}/{path…}?query`, below the base URL.
 * @throws TypeError for a scheme that is not http or https
 */
export function proxyRoute(credential: string, target: URL): string {
  const scheme = target.protocol.slice(0, -1);
  if (scheme !== 'https' && scheme !== 'http')
    throw new TypeError(`fetch failed: no credential is used over ${scheme}`);
  return `/v1/credentials/${encodeURIComponent(credential)}/proxy/${scheme}/${target.host}${target.pathname}${target.search}`;
}

/**
 * The headers of that request. The caller's own `chancery-*` control headers win over the options; what Chancery reads
 * under the same name (`Authorization`) travels as `Chancery-Forward-…`.
 */
export function proxyHeaders(from: Headers, options: FetchOptions): Headers {
  const headers = new Headers(from);
  for (const name of MADE_ANEW) headers.delete(name);
  for (const name of TAKEN) {
    const value = headers.get(name);
    if (value === null) continue;
    headers.set(`chancery-forward-${name}`, value);
    headers.delete(name);
  }
  const control = {
    'chancery-purpose': options.purpose && encodeURIComponent(options.purpose),
    'chancery-version': options.version?.toString(),
    'chancery-timeout-ms': options.timeoutMs?.toString(),
    'chancery-approval-id': options.approvalId,
    prefer: options.wait ? `wait=${Math.min(Math.ceil(options.wait), HELD_SECONDS_MAX)}` : undefined,
  };
  for (const [name, value] of Object.entries(control)) {
    if (value && !headers.has(name)) headers.set(name, value);
  }
  return headers;
}
