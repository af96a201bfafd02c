import type { RequestTemplate } from '../chancery.js';
import { hasPlaceholder } from '../placeholder.js';
import type { Inject } from './proxy-options.js';

// Of this hop only (RFC 9110 7.6.1), written anew by whoever sends the request, or asking for parts of an answer, which
// may be ignored (14.2) and in which an echoed credential could not be recognised.
const NOT_FORWARDED = new Set(
  (
    'connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade ' +
    'http2-settings host content-length expect accept-encoding range if-range a-im'
  ).split(' '),
);
const ENCODED_PLACEHOLDER = /%7[Bb]%7[Bb](CREDENTIAL(?:\.[a-z][a-z0-9_]{0,31})?)%7[Dd]%7[Dd]/g;
const decoded = (text: string) => text.replace(ENCODED_PLACEHOLDER, '{{$1}}');
const FORM = /^application\/x-www-form-urlencoded\b/i;
const JSON_TYPE = /^[^/]+\/(?:[^/;]+\+)?json\b/i;
/** The same JSON text, in which nobody finds a placeholder: two braces stand side by side in its strings only. */
const inert = (json: string) => json.replace(/\{(?=\{)/g, '\\u007b');

export type IncomingRequest = { method: string; target: string; rawHeaders: string[]; body: Buffer };

/**
 * An incoming request as the template of an execute call. The placeholder goes where the request has it: header, path,
 * query or form body. Otherwise the header of --inject carries it. In other bodies it is text like any other: a
 * conversation that mentions `{{CREDENTIAL}}` must not be sent with the credential in it.
 */
export function toTemplate(incoming: IncomingRequest, upstream: string, inject: Inject): RequestTemplate {
  const headers = forwardedHeaders(incoming.rawHeaders);
  const url = upstream + decoded(incoming.target);
  const type = headers['content-type'] ?? '';
  const form = FORM.test(type) ? decoded(incoming.body.toString('utf8')) : undefined;
  const carried = [url, form ?? '', ...Object.values(headers)].some(hasPlaceholder);
  if (!carried) headers[inject.name] = inject.value;
  return { method: incoming.method, url, headers, ...bodyOf(incoming.body, form, JSON_TYPE.test(type)) };
}

type TemplateBody = Pick<RequestTemplate, 'body' | 'body_base64'>;

function bodyOf(body: Buffer, form: string | undefined, isJson: boolean): TemplateBody {
  if (body.length === 0) return {};
  if (form !== undefined) return { body: form };
  // latin1 keeps every byte, and the placeholder is ASCII
  const bytes = isJson ? Buffer.from(inert(body.toString('latin1')), 'latin1') : body;
  return { body_base64: bytes.toString('base64') };
}

function forwardedHeaders(raw: string[]): Record<string, string> {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i]!.toLowerCase(), fromWire(raw[i + 1]!)]);
  const connection = pairs.filter(([name]) => name === 'connection').map(([, value]) => value.toLowerCase());
  const named = new Set(connection.flatMap((value) => value.split(/\s*,\s*/)));
  const headers: Record<string, string> = {};
  for (const [name, value] of pairs) {
    if (NOT_FORWARDED.has(name) || named.has(name)) continue;
    headers[name] = headers[name] === undefined ? value : `${headers[name]}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return headers;
}

/** Node reads header bytes as Latin-1; Chancery writes them as UTF-8. */
const fromWire = (value: string) => Buffer.from(value, 'latin1').toString('utf8');
