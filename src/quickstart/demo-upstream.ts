import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { DemoAuthority } from './certificates.js';

export const UPSTREAM_HOST = 'api.upstream.test';
export const STREAM_PATH = '/v1/stream';

/** The small HTTPS API the demonstration calls. It accepts only the real key, and says back what it was sent. */
export class DemoUpstream {
  /** The last `Authorization` header that arrived, as the API saw it. */
  lastAuthorization: string | undefined;
  requests = 0;
  #goOn: (() => void) | null = null;

  private constructor(
    readonly key: string,
    readonly certificateAuthority: string,
    private readonly server: Server,
  ) {}

  static newKey(): string {
    return `sk-demo-${randomBytes(18).toString('base64url')}`;
  }

  static async start(key: string): Promise<DemoUpstream> {
    const authority = await DemoAuthority.create();
    const server = createServer(await authority.issue([UPSTREAM_HOST]));
    const upstream = new DemoUpstream(key, authority.certificate, server);
    server.on('request', (request, response) => {
      upstream.requests += 1;
      upstream.lastAuthorization = request.headers.authorization;
      const welcome = request.headers.authorization === `Bearer ${key}`;
      if (welcome && request.url === STREAM_PATH) return upstream.#stream(response);
      response.writeHead(welcome ? 200 : 401, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(welcome ? { hello: 'agent', you_sent: request.headers.authorization } : { error: 'wrong key' }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  /** Lets a stream that waits say the rest. */
  goOn(): void {
    this.#goOn?.();
    this.#goOn = null;
  }

  /** Three events: one now, the others when `goOn` is called, with the key torn in two. */
  #stream(response: ServerResponse): void {
    const half = this.key.length / 2;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: {"token":"Hel"}\n\n');
    this.#goOn = () => {
      response.write(`data: {"token":"lo","you_sent":"${this.key.slice(0, half)}`);
      setImmediate(() => response.end(`${this.key.slice(half)}"}\n\ndata: [DONE]\n\n`));
    };
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
