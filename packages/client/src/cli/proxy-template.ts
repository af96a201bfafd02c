import type { RequestTemplate } from '../chancery.js';
import { PLACEHOLDER, type Inject } from './proxy-options.js';

// of this hop only (RFC 9110 7.6.1), or written anew by whoever sends the request
const NOT_FORWARDED = new Set(
  (
    'connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade ' +
    'host content-length expect accept-encoding'
  ).split(' '),
);
const ENCODED_PLACEHOLDER = /%7B%7BCREDENTIAL%7D%7D/gi;
const FORM = 'application/x-www-form-urlencoded';

export type IncomingRequest = { method: string; target: string; rawHeaders: string[]; body: Buffer };

/**
 * An incoming request as the template of an execute call. The placeholder goes where the request has it: header, path,
 * query or form body. Otherwise the header of --inject carries it. In other bodies it is text like any other: a
 * conversation that mentions `{{CREDENTIAL}}` must not be sent with the credential in it.
 */
export function toTemplate(incoming: IncomingRequest, upstream: string, inject: Inject): RequestTemplate {
  const headers = forwardedHeaders(incoming.rawHeaders);
  const url = upstream + incoming.target.replace(ENCODED_PLACEHOLDER, PLACEHOLDER);
  const isForm = headers['content-type']?.toLowerCase().startsWith(FORM) ?? false;
  const form = isForm ? incoming.body.toString('utf8').replace(ENCODED_PLACEHOLDER, PLACEHOLDER) : undefined;
  const carried = [url, form ?? '', ...Object.values(headers)].some((text) => text.includes(PLACEHOLDER));
  if (!carried) headers[inject.name] = inject.value;
  return { method: incoming.method, url, headers, ...bodyOf(incoming.body, form) };
}

function bodyOf(body: Buffer, form: string | undefined): Pick<RequestTemplate, 'body' | 'body_base64'> {
  if (body.length === 0) return {};
  if (form !== undefined) return { body: form };
  return { body_base64: body.toString('base64') };
}

function forwardedHeaders(raw: string[]): Record<string, string> {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i]!.toLowerCase(), raw[i + 1]!]);
  const connection = pairs.filter(([name]) => name === 'connection').map(([, value]) => value.toLowerCase());
  const named = new Set(connection.flatMap((value) => value.split(/\s*,\s*/)));
  const headers: Record<string, string> = {};
  for (const [name, value] of pairs) {
    if (NOT_FORWARDED.has(name) || named.has(name)) continue;
    headers[name] = headers[name] === undefined ? value : `${headers[name]}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return headers;
}
