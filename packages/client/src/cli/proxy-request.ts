import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { hasPlaceholder } from '../placeholder.js';
import type { Inject } from './proxy-options.js';

/** Up to here a body is kept, so that it can be sent again in a new session; a longer one streams. */
const KEPT_BYTES_MAX = 1024 * 1024;
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

/**
 * What `fetch` is asked for an incoming request. The placeholder goes where the request has it: header, path, query or
 * form body. Otherwise the header of --inject carries it.
 */
export async function toFetch(
  incoming: IncomingMessage,
  upstream: string,
  inject: Inject,
): Promise<[string, RequestInit]> {
  const headers = forwardedHeaders(incoming.rawHeaders);
  const url = upstream + decoded(incoming.url ?? '/');
  const body = await bodyOf(incoming);
  const isForm = FORM.test(headers.get('content-type') ?? '');
  const form = isForm && Buffer.isBuffer(body) ? decoded(body.toString('latin1')) : '';
  const carried = [url, form, ...headers.values()].some(hasPlaceholder);
  if (!carried) headers.set(inject.name, inject.value);
  const sent = form === '' ? body : Buffer.from(form, 'latin1');
  const { method = 'GET' } = incoming;
  return [url, { method, headers, redirect: 'manual', ...(sent && { body: sent, duplex: 'half' }) }];
}

/** Whole when it is short, else as it comes; nothing for a request without one. */
async function bodyOf(
  incoming: IncomingMessage,
): Promise<Buffer<ArrayBuffer> | ReadableStream<Uint8Array> | undefined> {
  const { 'content-length': length, 'transfer-encoding': coding } = incoming.headers;
  if (incoming.method === 'GET' || incoming.method === 'HEAD') return undefined;
  if (coding === undefined && (length === undefined || length === '0')) return undefined;
  if (coding !== undefined || Number(length) > KEPT_BYTES_MAX)
    return Readable.toWeb(incoming) as ReadableStream<Uint8Array>;
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function forwardedHeaders(raw: string[]): Headers {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i]!.toLowerCase(), raw[i + 1]!]);
  const connection = pairs.filter(([name]) => name === 'connection').map(([, value]) => value.toLowerCase());
  const named = new Set(connection.flatMap((value) => value.split(/\s*,\s*/)));
  const headers = new Headers();
  for (const [name, value] of pairs) {
    if (NOT_FORWARDED.has(name) || named.has(name) || name.startsWith('chancery-')) continue;
    headers.append(name, value);
  }
  return headers;
}
