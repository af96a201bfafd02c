import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Chancery, ExecuteAnswer } from '../chancery.js';
import { ChanceryError } from '../errors.js';
import { refusal, type Refusal } from './proxy-guard.js';
import type { Inject, Listen } from './proxy-options.js';
import { toTemplate } from './proxy-template.js';

const BODY_BYTES_MAX = 5 * 1024 * 1024;
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 120_000;
// the body arrives whole and decoded, so what described its transfer no longer holds
const NOT_RETURNED = new Set(
  'connection keep-alive proxy-authenticate te trailer transfer-encoding upgrade content-length content-encoding'.split(
    ' ',
  ),
);

const NOT_IN_A_HEADER = /[^\t\x20-\x7e\x80-\xff]/;

export type LocalProxyOptions = {
  listen: Listen;
  upstream: string;
  credential: string;
  inject: Inject;
  purpose: string;
  timeoutMs: number;
  chancery: Pick<Chancery, 'execute'>;
  log: (line: string) => void;
};

/** An HTTP server that turns each request into an execute call. The caller makes it listen, on loopback. */
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
  const body = await readBody(request);
  if (!body)
    return refuse(response, {
      status: 413,
      code: 'payload_too_large',
      title: 'The body is too large',
      detail: 'the body is over 5 MiB',
    });
  const method = request.method ?? 'GET';
  const target = request.url ?? '/';
  const template = toTemplate(
    { method, target, rawHeaders: request.rawHeaders, body },
    options.upstream,
    options.inject,
  );
  try {
    const { credential, purpose, timeoutMs: timeout_ms } = options;
    const input = { purpose, request: template, timeout_ms };
    const answer = await options.chancery.execute(credential, input, { signal: gone(response) });
    options.log(
      `${method} ${pathOf(target)} ${answer.status} in ${answer.duration_ms} ms, audit entry ${answer.audit.seq}`,
    );
    forward(response, answer);
  } catch (error) {
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

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function forward(response: ServerResponse, answer: ExecuteAnswer): void {
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers)) {
    if (NOT_RETURNED.has(name.toLowerCase())) continue;
    const values = [value]
      .flat()
      .map(toWire)
      .filter((one) => !NOT_IN_A_HEADER.test(one));
    if (values.length > 0) response.setHeader(name, values);
  }
  response.setHeader('chancery-audit-seq', String(answer.audit.seq));
  response.end(answer.body ?? Buffer.from(answer.body_base64 ?? '', 'base64'));
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
  const status = error.status >= 400 && error.status <= 599 ? error.status : 502;
  return { status, code: error.code, title: error.title ?? error.message, detail: error.detail };
}

/** Node writes header bytes as Latin-1; Chancery gave UTF-8. */
const toWire = (value: string) => Buffer.from(value, 'utf8').toString('latin1');

/** Queries can hold personal data: they stay out of the terminal's scroll-back. */
const pathOf = (target: string) => target.split('?', 1)[0]!;
