import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ListenAddress } from '../../config/listen-address.js';
import type { Log } from '../telemetry/logger.js';
import { problemOfClientError } from './problem-of.js';
import { refuse, refuseBytes } from './raw-answer.js';
import { HEADERS_MAX, requestFault } from './request-form.js';
import { HSTS } from './response-headers.js';
import { markSurface, type Surface } from './surface.js';
import { createTlsServer } from './tls.js';
import { listenOnSocket, removeStaleSocket } from './unix-socket.js';

export const HEADERS_TIMEOUT_MS = 10_000;
/** A whole request, body included. */
export const REQUEST_TIMEOUT_MS = 60_000;
export const KEEP_ALIVE_MS = 30_000;
/** Longer than the longest upstream call may be silent (UPSTREAM_TIMEOUT_MS ends at 240 s). */
export const SOCKET_IDLE_MS = 300_000;
export const HEADER_BYTES_MAX = 16_384;
const CHECK_EVERY_MS = 1_000;

export type ListenerOptions = Readonly<{
  surface: Surface;
  address: ListenAddress;
  tls: { certFile: string; keyFile: string } | null;
  connectionsMax: number;
  /** How long the headers of a request may take. */
  headersTimeoutMs?: number;
  log: Log;
  /** Told of requests that were refused before they came to the router. */
  refused?: (status: number) => void;
  handle: (request: IncomingMessage, response: ServerResponse) => void;
}>;

/** One surface's own server: it marks each request with its surface before anything else sees it. */
export class Listener {
  private readonly server: Server;
  private readonly open = new Set<ServerResponse>();
  /** Connections that asked nothing yet. Node takes them for busy, and would wait for them until the deadline. */
  private readonly silent = new Set<Duplex>();
  private draining = false;

  constructor(private readonly options: ListenerOptions) {
    const settings = {
      requireHostHeader: false,
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: CHECK_EVERY_MS,
    };
    this.server = options.tls ? createTlsServer(options.tls, settings) : createServer(settings);
    this.server.maxConnections = options.connectionsMax;
    // Node drops what is more without a word: one more shows that there was more.
    this.server.maxHeadersCount = HEADERS_MAX + 1;
    this.server.setTimeout(SOCKET_IDLE_MS);
    this.server.on(options.tls ? 'secureConnection' : 'connection', (socket: Duplex) => {
      this.silent.add(socket);
      socket.once('close', () => this.silent.delete(socket));
    });
    this.server.on('request', (request, response) => this.receive(request, response));
    // Node would answer 417 and nothing else.
    this.server.on('checkExpectation', (request, response) => this.receive(request, response));
    this.server.on('clientError', (error, socket) => this.refuseBytes(error, socket));
    this.server.on('drop', () =>
      options.log.warn({ surface: options.surface }, 'connection dropped: too many are open'),
    );
  }

  /** Where it listens: a base URL, or for a socket its path behind `unix:`. */
  async listen(): Promise<string> {
    const { address } = this.options;
    if (address.kind === 'unix') await removeStaleSocket(address.path);
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.once('listening', () => {
        this.server.off('error', reject);
        resolve();
      });
      if (address.kind === 'unix') listenOnSocket(this.server, address.path);
      else this.server.listen({ host: address.host, port: address.port, exclusive: true });
    });
    this.server.on('error', (err) => this.options.log.error({ err, surface: this.options.surface }, 'listener error'));
    return this.url();
  }

  /** Accepts nothing more, lets requests in flight finish until the deadline, then cuts what is left. */
  async close(deadlineMs: number): Promise<void> {
    this.draining = true;
    for (const response of this.open) if (!response.headersSent) response.setHeader('Connection', 'close');
    if (!this.server.listening) return;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const socket of this.silent) socket.destroy();
    const timer = setTimeout(() => this.server.closeAllConnections(), deadlineMs);
    await closed;
    clearTimeout(timer);
  }

  private url(): string {
    const bound = this.server.address() as AddressInfo | string;
    if (typeof bound === 'string') return `unix:${bound}`;
    const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
    return `${this.options.tls ? 'https' : 'http'}://${host}:${bound.port}`;
  }

  private receive(request: IncomingMessage, response: ServerResponse): void {
    const { surface, tls, log, handle, refused } = this.options;
    this.silent.delete(request.socket);
    this.open.add(response);
    response.once('close', () => {
      this.open.delete(response);
      // Kept alive by headers sent before the drain began.
      if (this.draining) this.server.closeIdleConnections();
    });
    markSurface(request, surface);
    if (tls) response.setHeader('Strict-Transport-Security', HSTS);
    if (this.draining) response.setHeader('Connection', 'close');
    const fault = requestFault(request);
    if (!fault) return handle(request, response);
    const requestId = refuse(request, response, fault);
    refused?.(fault.spec.status);
    log.info(
      { request_id: requestId, surface, method: request.method, route: null, status: fault.spec.status },
      'request',
    );
  }

  private refuseBytes(error: NodeJS.ErrnoException, socket: Duplex): void {
    // Beside an answer that is being written, ours would be read as part of it.
    const answering = [...this.open].some((response) => response.socket === socket);
    if (error.code === 'ECONNRESET' || !socket.writable || answering) return void socket.destroy();
    const problem = problemOfClientError(error);
    const requestId = refuseBytes(socket, problem);
    this.options.refused?.(problem.spec.status);
    // A peer that keeps its half open would hold the connection slot.
    setTimeout(() => socket.destroy(), CHECK_EVERY_MS).unref();
    this.options.log.info(
      { request_id: requestId, surface: this.options.surface, route: null, status: problem.spec.status },
      'request',
    );
  }
}
