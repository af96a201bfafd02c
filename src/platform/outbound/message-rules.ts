/** RFC 9110, 5.6.2: what a method, a header name or an authentication scheme consists of. */
export const HTTP_TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** TRACE and CONNECT turn the upstream into an echo or a tunnel; TRACK is TRACE's old name; PRI opens HTTP/2. */
const METHODS_REFUSED = new Set(['TRACE', 'TRACK', 'CONNECT', 'PRI']);

/**
 * What frames the message or belongs to the connection is ours to say (RFC 9110, 7.6.1): with `Connection` refused, nothing it
 * could name is hop-by-hop. `Range`, `If-Range` and `A-IM` ask for parts of an answer, in which an echoed secret could not be
 * recognised (ATTACKS 32).
 */
const HEADERS_REFUSED = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'expect',
  'upgrade',
  'http2-settings',
  'te',
  'trailer',
  'range',
  'if-range',
  'a-im',
]);

/** `method` in upper case. */
export const isMethodUsable = (method: string): boolean => !METHODS_REFUSED.has(method);

/** `name` in lower case. */
export const isHeaderOurs = (name: string): boolean => HEADERS_REFUSED.has(name) || name.startsWith('proxy-');
