import { InertJson, inertJson, inertStream, isJson } from './inert-json.js';

/** A request as `fetch` was asked for it, with a body that is kept apart from how it is sent. */
export type FetchRequest = {
  url: URL;
  method: string;
  headers: Headers;
  body: RequestInit['body'];
  /** Whether `body` can be sent again. */
  repeatable: boolean;
  signal: AbortSignal | undefined;
  redirect: RequestInit['redirect'];
};

/**
 * Reads the arguments of `fetch`, by the platform's own rules (https://fetch.spec.whatwg.org/#dom-request).
 * @throws TypeError for what `fetch` refuses: a relative URL, userinfo in it, a GET with a body
 */
export function readRequest(input: Parameters<typeof fetch>[0], init: RequestInit = {}): FetchRequest {
  const given = typeof input === 'object' && 'url' in input ? input : undefined;
  const ofInit = init.body !== undefined && init.body !== null;
  const stream = ofInit && isStream(init.body);
  // a stream is not given to the Request, which would lock it
  const known = new Request(input, { ...init, ...(stream && { body: '' }) });
  const headers = new Headers(known.headers);
  const named = new Headers(init.headers ?? given?.headers).has('content-type');
  // made together with the body: a boundary, or the type of the empty text above
  if (!named && (stream || init.body instanceof FormData)) headers.delete('content-type');
  return {
    url: new URL(known.url),
    method: known.method,
    headers,
    body: ofInit ? init.body : known.body,
    repeatable: !stream && (ofInit || known.body === null),
    signal: init.signal ?? given?.signal,
    redirect: known.redirect,
  };
}

/** The request with a JSON body in which no placeholder is found. */
export async function withInertJson(request: FetchRequest): Promise<FetchRequest> {
  const { body, headers } = request;
  if (body === null || body === undefined || !isJson(headers.get('content-type'))) return request;
  if (typeof body === 'string') return { ...request, body: inertJson(body) };
  if (isStream(body)) return { ...request, body: streamOf(body).pipeThrough(inertStream()) };
  const bytes = new Uint8Array(await new Response(body).arrayBuffer());
  const inert = new InertJson();
  return { ...request, body: new Blob([...inert.push(bytes), ...inert.end()] as Uint8Array<ArrayBuffer>[]) };
}

const streamOf = (body: unknown): ReadableStream<Uint8Array> =>
  body instanceof ReadableStream ? body : ReadableStream.from(body as AsyncIterable<Uint8Array>);

/** Also the async iterables some platforms take for a body, and the streams of Node. */
function isStream(body: RequestInit['body']): boolean {
  if (typeof body !== 'object' || body === null) return false;
  return body instanceof ReadableStream || Symbol.asyncIterator in body;
}
