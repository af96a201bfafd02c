import { ChanceryError } from './errors.js';

const LOOPBACK_IPV4 = /^127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

/** True for hosts whose traffic cannot leave this machine: 127.0.0.0/8, ::1, localhost. */
export function isLoopbackHost(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[|\]$/g, '');
  if (host === '::1' || host === 'localhost' || host.endsWith('.localhost')) return true;
  return LOOPBACK_IPV4.test(host);
}

/**
 * The base URL of a surface, without a trailing slash.
 * @throws ChanceryError `bad_url` for anything but an http or https URL without userinfo, query or fragment;
 * `insecure_url` for http to another machine, because a key would travel in the clear.
 */
export function parseBaseUrl(text: string, options: { allowCleartext?: boolean } = {}): string {
  const bad = (detail: string) => new ChanceryError({ code: 'bad_url', status: 0, detail });
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw bad('the URL of the server is not a URL');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw bad('the URL of the server must be http or https');
  if (url.username || url.password) throw bad('the URL of the server must not carry a user or a password');
  if (url.search || url.hash) throw bad('the URL of the server must not have a query or a fragment');
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname) && !options.allowCleartext) {
    throw new ChanceryError({
      code: 'insecure_url',
      status: 0,
      detail: `keys are not sent over http to ${url.host}`,
    });
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}
