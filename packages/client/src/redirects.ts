import type { FetchRequest } from './fetch-request.js';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const OF_A_BODY = ['content-encoding', 'content-language', 'content-location', 'content-type'];

/**
 * The request a redirect asks for (https://fetch.spec.whatwg.org/#http-redirect-fetch), or undefined when the answer is
 * for the caller. A redirect to another scheme, host or port is for the caller too: following it would send the
 * credential to an address the caller did not write.
 * @throws TypeError for `redirect: 'error'`, and for a body that cannot be sent again
 */
export function nextHop(request: FetchRequest, { status, headers }: Response): FetchRequest | undefined {
  const location = headers.get('location');
  if (!REDIRECTS.has(status) || location === null || request.redirect === 'manual') return undefined;
  if (request.redirect === 'error') throw new TypeError('fetch failed: unexpected redirect');
  if (!URL.canParse(location, request.url.href)) return undefined;
  const url = new URL(location, request.url);
  if (url.origin !== request.url.origin || url.username !== '' || url.password !== '') return undefined;
  const post = request.method === 'POST' && (status === 301 || status === 302);
  const other = request.method !== 'GET' && request.method !== 'HEAD' && status === 303;
  if (post || other) return { ...request, url, method: 'GET', body: null, headers: withoutBody(request.headers) };
  if (!request.repeatable) throw new TypeError('fetch failed: the body was read already and cannot follow a redirect');
  return { ...request, url };
}

function withoutBody(headers: Headers): Headers {
  const rest = new Headers(headers);
  for (const name of OF_A_BODY) rest.delete(name);
  return rest;
}
