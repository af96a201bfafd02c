import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { callbackify } from 'node:util';
import { createSecureContext, createServer as createTlsServer, type SecureContext, type TLSSocket } from 'node:tls';
import { DemoAuthority } from '../../src/quickstart/certificates.js';

/** One request as bytes came over the wire. */
export interface Captured {
  /** What TLS was told; null in cleartext. */
  readonly serverName: string | null;
  readonly requestLine: string;
  readonly hosts: readonly string[];
}

/** Takes one request a connection, in TLS or in the clear, without an HTTP parser of its own, and answers 204. */
export class WireCapture {
  readonly #captured: Captured[] = [];
  readonly #contexts = new Map<string, Promise<SecureContext>>();
  readonly #sockets = new Set<Socket>();

  private constructor(
    readonly authority: DemoAuthority,
    private readonly closers: (() => void)[],
    readonly ports: { https: number; http: number },
  ) {}

  static async start(): Promise<WireCapture> {
    const capture = new WireCapture(await DemoAuthority.create(), [], { https: 0, http: 0 });
    const answer = callbackify((name: string) => capture.#contextFor(name));
    const SNICallback = (name: string, done: (error: Error | null, context?: SecureContext) => void): void => {
      answer(name, done);
    };
    const fallback = await capture.authority.issue(['nobody.example']);
    const tls = createTlsServer({ ...fallback, SNICallback }, (socket) =>
      capture.#read(socket, socket.servername || ''),
    );
    const tcp = createTcpServer((socket) => capture.#read(socket, null));
    for (const [scheme, server] of [
      ['https', tls],
      ['http', tcp],
    ] as const) {
      server.on('connection', (socket: Socket) => {
        capture.#sockets.add(socket.on('error', () => undefined));
        socket.once('close', () => capture.#sockets.delete(socket));
      });
      server.on('tlsClientError', () => undefined);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      capture.ports[scheme] = (server.address() as AddressInfo).port;
      capture.closers.push(() => server.close());
    }
    return capture;
  }

  /** What came since the last look. */
  take(): Captured[] {
    return this.#captured.splice(0);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const close of this.closers) close();
  }

  /** A certificate for whatever name is asked for: the check of it is the dialler's. */
  #contextFor(name: string): Promise<SecureContext> {
    const known = this.#contexts.get(name) ?? this.authority.issue([name]).then((pair) => createSecureContext(pair));
    this.#contexts.set(name, known);
    return known;
  }

  #read(socket: Socket | TLSSocket, serverName: string | null): void {
    let text = '';
    socket
      .on('error', () => undefined)
      .on('data', (piece: Buffer) => {
        text += piece.toString('latin1');
        if (!text.includes('\r\n\r\n')) return;
        const [requestLine = '', ...lines] = text.split('\r\n');
        const hosts = lines.filter((line) => /^host:/i.test(line)).map((line) => line.replace(/^host:\s*/i, ''));
        this.#captured.push({ serverName, requestLine, hosts });
        text = '';
        socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n');
      });
  }
}
