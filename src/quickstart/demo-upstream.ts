import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { DemoAuthority } from './certificates.js';

export const UPSTREAM_HOST = 'api.upstream.test';

/** The small HTTPS API the demonstration calls. It accepts only the real key, and says back what it was sent. */
export class DemoUpstream {
  /** The last `Authorization` header that arrived, as the API saw it. */
  lastAuthorization: string | undefined;
  requests = 0;

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
      response.writeHead(welcome ? 200 : 401, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(welcome ? { hello: 'agent', you_sent: request.headers.authorization } : { error: 'wrong key' }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
