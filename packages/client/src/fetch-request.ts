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
  const known = new Request(input, { ...init, ...(stream && { body: '' }) } as RequestInit);
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

/** Also the async iterables some platforms take for a body, and the streams of Node. */
function isStream(body: RequestInit['body']): boolean {
  if (typeof body !== 'object' || body === null) return false;
  return body instanceof ReadableStream || Symbol.asyncIterator in body;
}
