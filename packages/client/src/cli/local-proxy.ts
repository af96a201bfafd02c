import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ChanceryError } from '../errors.js';
import type { Fetch } from '../http.js';
import { refusal, type Refusal } from './proxy-guard.js';
import type { Inject, Listen } from './proxy-options.js';
import { toFetch } from './proxy-request.js';

const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 900_000;
// the body arrives decoded and is sent in chunks of its own, so what described its transfer no longer holds
const NOT_RETURNED = new Set(
  'connection keep-alive proxy-authenticate te trailer transfer-encoding upgrade content-length content-encoding'.split(
    ' ',
  ),
);

export type LocalProxyOptions = {
  listen: Listen;
  upstream: string;
  inject: Inject;
  /** With the credential. */
  fetch: Fetch;
  log: (line: string) => void;
};

/** An HTTP server that passes each request through Chancery, streaming both ways. The caller makes it listen, on loopback. */
export function createLocalProxy(options: LocalProxyOptions): Server {
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    handle(options, request, response).catch(() => response.destroy());
  });
  server.on('connect', (_request, socket) => socket.destroy());
  server.on('upgrade', (_request, socket) => socket.destroy());
  return server;
}

async function handle(options: LocalProxyOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const refused = refusal(request, options.listen);
  if (refused) return refuse(response, refused);
  const { method = 'GET', url: target = '/' } = request;
  const startedAt = performance.now();
  try {
    const [url, init] = await toFetch(request, options.upstream, options.inject);
    const answer = await options.fetch(url, { ...init, signal: gone(response) });
    const took = Math.round(performance.now() - startedAt);
    const seq = answer.headers.get('chancery-audit')?.split(' ', 1)[0] ?? '?';
    options.log(`${method} ${pathOf(target)} ${answer.status} in ${took} ms, audit entry ${seq}`);
    await forward(response, answer, seq);
  } catch (error) {
    if (response.headersSent) throw error;
    const failed = asRefusal(error);
    options.log(`${method} ${pathOf(target)} refused by Chancery: ${failed.code}`);
    refuse(response, failed);
  }
}

/** Aborts when the caller goes away before its answer, so that the upstream's work ends too. */
function gone(response: ServerResponse): AbortSignal {
  const left = new AbortController();
  response.once('close', () => left.abort());
  return left.signal;
}

async function forward(response: ServerResponse, answer: Response, seq: string): Promise<void> {
  response.statusCode = answer.status;
  answer.headers.forEach((value, name) => {
    const isOurs = name.startsWith('chancery-') || name === 'dpop-nonce';
    if (!isOurs && name !== 'set-cookie' && !NOT_RETURNED.has(name)) response.setHeader(name, value);
  });
  const cookies = answer.headers.getSetCookie();
  if (cookies.length > 0) response.setHeader('set-cookie', cookies);
  response.setHeader('chancery-audit-seq', seq);
  if (answer.body === null) return void response.end();
  // flushHeaders would write them as UTF-8 (https://nodejs.org/api/http.html#responseflushheaders): they are bytes
  response.write(Buffer.alloc(0));
  await pipeline(Readable.fromWeb(answer.body), response);
}

/** Chancery's own answers look as they would on its API, and carry `chancery-refused`, so that nobody takes them for the upstream's. */
function refuse(response: ServerResponse, { status, code, title, detail }: Refusal): void {
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    'chancery-refused': code,
    connection: 'close',
  });
  response.end(JSON.stringify({ type: `/errors/${code}`, title, status, detail, code }));
}

function asRefusal(error: unknown): Refusal {
  if (!(error instanceof ChanceryError)) return { status: 500, code: 'internal_error', title: 'The proxy failed' };
  const status = error.status >= 400 && error.status <= 599 ? error.status : error.status === 202 ? 403 : 502;
  return { status, code: error.code, title: error.title ?? error.message, detail: error.detail };
}

/** Queries can hold personal data: they stay out of the terminal's scroll-back. */
const pathOf = (target: string) => target.split('?', 1)[0]!;
