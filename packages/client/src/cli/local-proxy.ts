import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Chancery, ExecuteAnswer } from '../chancery.js';
import { ChanceryError } from '../errors.js';
import { refusal, type Refusal } from './proxy-guard.js';
import type { Inject, Listen } from './proxy-options.js';
import { toTemplate } from './proxy-template.js';

const BODY_BYTES_MAX = 10 * 1024 * 1024;
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 120_000;
// the body arrives whole and decoded, so what described its transfer no longer holds
const NOT_RETURNED = new Set(
  'connection keep-alive proxy-authenticate te trailer transfer-encoding upgrade content-length content-encoding'.split(
    ' ',
  ),
);

export type LocalProxyOptions = {
  listen: Listen;
  upstream: string;
  credential: string;
  inject: Inject;
  purpose: string;
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
  if (!body) return refuse(response, { status: 413, code: 'payload_too_large', detail: 'the body is over 10 MiB' });
  const method = request.method ?? 'GET';
  const target = request.url ?? '/';
  const template = toTemplate(
    { method, target, rawHeaders: request.rawHeaders, body },
    options.upstream,
    options.inject,
  );
  try {
    const answer = await options.chancery.execute(options.credential, { purpose: options.purpose, request: template });
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
    if (!NOT_RETURNED.has(name.toLowerCase())) response.setHeader(name, value);
  }
  response.setHeader('chancery-audit-seq', String(answer.audit.seq));
  response.end(answer.body ?? Buffer.from(answer.body_base64 ?? '', 'base64'));
}

/** Chancery's own answers look as they would on its API, and carry `chancery-refused`, so that nobody takes them for the upstream's. */
function refuse(response: ServerResponse, { status, code, detail }: Refusal): void {
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    'chancery-refused': code,
    connection: 'close',
  });
  response.end(JSON.stringify({ type: `/errors/${code}`, title: detail, status, detail, code }));
}

function asRefusal(error: unknown): Refusal {
  if (!(error instanceof ChanceryError)) return { status: 500, code: 'internal_error', detail: 'the proxy failed' };
  const status = error.status >= 400 && error.status <= 599 ? error.status : 502;
  return { status, code: error.code, detail: error.message };
}

/** Queries can hold personal data: they stay out of the terminal's scroll-back. */
const pathOf = (target: string) => target.split('?', 1)[0]!;
