import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { DemoAuthority, type ServerCertificate } from '../../src/quickstart/certificates.js';

export const UPSTREAM_HOST = 'api.upstream.test';

export type Upstream = { readonly port: number; readonly connections: () => number; close(): Promise<void> };

/** Servers on loopback that answer as badly as a test wants; `close` also ends the connections they hold open. */
export class HostileUpstreams {
  readonly #open: Upstream[] = [];

  private constructor(
    readonly authority: DemoAuthority,
    private readonly certificate: ServerCertificate,
  ) {}

  static async create(names: readonly string[] = [UPSTREAM_HOST]): Promise<HostileUpstreams> {
    const authority = await DemoAuthority.create();
    return new HostileUpstreams(authority, await authority.issue(names));
  }

  /** Speaks HTTP over TLS. */
  https(listener: RequestListener, certificate: ServerCertificate = this.certificate): Promise<Upstream> {
    // It ends no idle connection itself: a call that is being written at that moment would be lost with it.
    return this.#listen(createHttpsServer({ ...certificate, keepAliveTimeout: 0 }, listener), 'secureConnection');
  }

  /** Sends and reads raw bytes inside TLS, so that the answer need not be HTTP at all. */
  tls(onConnection: (socket: Socket) => void): Promise<Upstream> {
    return this.#listen(createTlsServer({ ...this.certificate }, onConnection), 'secureConnection');
  }

  tcp(onConnection: (socket: Socket) => void): Promise<Upstream> {
    return this.#listen(createTcpServer(onConnection), 'connection');
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((upstream) => upstream.close()));
  }

  async #listen(server: Server, accepted: string): Promise<Upstream> {
    const sockets = new Set<Socket>();
    let count = 0;
    server.on('connection', (socket: Socket) => void sockets.add(socket.on('error', () => undefined)));
    server.on(accepted, (socket: Socket) => {
      count += 1;
      socket.on('error', () => undefined);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const upstream: Upstream = {
      port: (server.address() as AddressInfo).port,
      connections: () => count,
      close: async () => {
        for (const socket of sockets) socket.destroy();
        server.close();
        await once(server, 'close');
      },
    };
    this.#open.push(upstream);
    return upstream;
  }
}
