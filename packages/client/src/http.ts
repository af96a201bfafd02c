import { parseBaseUrl } from './base-url.js';
import { ChanceryError } from './errors.js';
import { plainHeaders, textOf, type AnswerHeaders, type HttpAnswer, type HttpStream } from './http-answer.js';
import { networkError, problemError } from './http-failures.js';

const REQUEST_TIMEOUT_MS = 30_000;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** What carries requests: the platform's own `fetch`, or one like it (another trust store, an outbound proxy). */
export type Fetch = typeof globalThis.fetch;

export type HttpOptions = {
  /** Base URL of one surface, e.g. `https://api.chancery.example`. */
  baseUrl: string;
  /** Default: the platform's. */
  fetch?: Fetch | undefined;
  /** Ends the connections of `fetch`; the platform's end by themselves. */
  close?: (() => Promise<void>) | undefined;
  /** Total time for one request and its answer; default 30 000 ms. */
  timeoutMs?: number | undefined;
  /** Allow http to hosts that are not loopback. Default false. */
  allowCleartext?: boolean | undefined;
};

export type HttpRequest = {
  method: string;
  /** Path below the base URL, starting with `/`; may carry a query. */
  path: string;
  query?: Record<string, string | number | boolean | undefined> | undefined;
  headers?: Record<string, string> | undefined;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is; name its type in `headers`. */
  body?: string | Uint8Array<ArrayBuffer> | undefined;
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
};

/** Node ends a body, as if it were whole, when its answer is collected before anybody read of it. */
const ANSWER_OF = new WeakMap<ReadableStream, Response>();

/** One surface of one Chancery server. Follows no redirects, keeps no cookies, sends no credential by itself. */
export class HttpClient {
  readonly baseUrl: string;
  /** Carries what {@link send} does not: requests whose bodies are streams. */
  readonly fetch: Fetch;
  readonly #timeoutMs: number;
  readonly #close: (() => Promise<void>) | undefined;

  /** @throws ChanceryError `bad_url`, `insecure_url` */
  constructor(options: HttpOptions) {
    this.baseUrl = parseBaseUrl(options.baseUrl, { allowCleartext: options.allowCleartext ?? false });
    // called as a function: a method of this object it is not
    const carry = options.fetch ?? globalThis.fetch;
    this.fetch = (input, init) => carry(input, init);
    this.#timeoutMs = options.timeoutMs ?? REQUEST_TIMEOUT_MS;
    this.#close = options.close;
  }

  /** The absolute URL of a request, as it goes over the wire. */
  url(request: Pick<HttpRequest, 'path' | 'query'>): string {
    if (!request.path.startsWith('/')) {
      throw new ChanceryError({ code: 'bad_url', status: 0, detail: 'a path starts with /' });
    }
    const url = new URL(this.baseUrl + request.path);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url.href;
  }

  /**
   * Any answer, whatever its status.
   * @throws ChanceryError `unreachable`, `timeout`, `tls_failed`, `answer_too_large`
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const deadline = AbortSignal.timeout(request.timeoutMs ?? this.#timeoutMs);
    const answer = await this.#open(request, deadline);
    try {
      return { ...answer, body: await readAtMost(answer.body, ANSWER_BYTES_MAX) };
    } catch (error) {
      throw networkError(error, this.baseUrl, deadline);
    }
  }

  /** As {@link send}, for answers of any length; only silence times out. The caller reads or cancels the body. */
  async stream(request: HttpRequest): Promise<HttpStream> {
    return this.#open(request, undefined);
  }

  /**
   * The JSON of a 2xx answer; undefined for an empty one.
   * @throws ChanceryError with the code of the problem document for every other status
   */
  async json<T>(request: HttpRequest): Promise<T> {
    return answerJson<T>(await this.send(request));
  }

  async close(): Promise<void> {
    await this.#close?.();
  }

  async #open(request: HttpRequest, deadline: AbortSignal | undefined): Promise<HttpStream> {
    const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'chancery-client' };
    for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
    let body = request.body;
    if (request.json !== undefined) {
      headers['content-type'] ??= 'application/json';
      body = JSON.stringify(request.json);
    }
    const url = this.url(request);
    try {
      const answer = await this.fetch(url, {
        method: request.method.toUpperCase(),
        headers,
        body: body ?? null,
        redirect: 'manual',
        signal: either(request.signal, deadline),
      });
      if (answer.body !== null) ANSWER_OF.set(answer.body, answer);
      return { status: answer.status, headers: plainHeaders(answer.headers), body: answer.body ?? nothing() };
    } catch (error) {
      throw networkError(error, this.baseUrl, deadline);
    }
  }
}

/** One alone is not wrapped: Node collects a timeout that only `AbortSignal.any` refers to, and it never fires (nodejs/node#57736). */
function either(caller: AbortSignal | undefined, deadline: AbortSignal | undefined): AbortSignal | null {
  if (caller === undefined || deadline === undefined) return caller ?? deadline ?? null;
  return AbortSignal.any([caller, deadline]);
}

/** The body of an answer that has none. */
export const nothing = (): ReadableStream<Uint8Array> => new Blob([]).stream();

/** The JSON of a 2xx answer, or the error its problem document names. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says which answer it is
export function answerJson<T>(answer: HttpAnswer): T {
  if (answer.status < 200 || answer.status > 299) throw problemError(answer);
  if (answer.body.length === 0) return undefined as T;
  try {
    return JSON.parse(textOf(answer)) as T;
  } catch {
    const detail = 'the server answered with something that is not JSON';
    throw new ChanceryError({ code: 'unexpected_answer', status: answer.status, detail });
  }
}

/** The first value of a header, whatever its case. */
export function header(headers: AnswerHeaders, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value[0] : value;
}

/** All bytes of a body; an error past the limit, so that no answer fills the memory. */
export async function readAtMost(body: ReadableStream<Uint8Array>, bytesMax: number): Promise<Uint8Array> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    bytes += next.value.length;
    if (bytes > bytesMax) {
      await reader.cancel();
      const detail = `the answer is longer than ${bytesMax} bytes`;
      throw new ChanceryError({ code: 'answer_too_large', status: 0, detail });
    }
    chunks.push(next.value);
  }
  return joined(chunks, bytes);
}

function joined(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
