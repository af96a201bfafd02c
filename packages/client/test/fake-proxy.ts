import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { FakeChancery } from './fake-chancery.js';
import type { Answer } from './fake-surface.js';

const ROUTE = /^\/v1\/credentials\/([^/]+)\/proxy\/(https?)\/([^/?]+)(\/[^?]*)(\?.*)?$/;
const NOT_FORWARDED =
  /^(authorization|dpop|host|content-length|connection|keep-alive|transfer-encoding|accept-encoding|expect|prefer|chancery-.*)$/;

/** A request as it came to Chancery, before anything was read of its body. */
export type Streamed = {
  credential: string;
  /** What the upstream was to be asked. */
  url: string;
  method: string;
  headers: IncomingHttpHeaders;
};

/** The streaming route of the server as its contract says, in front of an upstream of a test. */
export class FakeProxy {
  readonly asked: Streamed[] = [];
  /** The key that is put where `{{CREDENTIAL}}` stands in a header. */
  key = 'sk-real-key';
  upstream: (request: IncomingMessage, response: ServerResponse) => unknown = (_, response) => response.end('{}');
  /** A refusal of Chancery's own, or undefined to let the request through. */
  refuse: (asked: Streamed) => Answer | undefined = () => undefined;

  constructor(private readonly chancery: FakeChancery) {
    chancery.tenant.onStream(/^\/v1\/credentials\/[^/]+\/proxy\//, (request, response) =>
      this.#serve(request, response),
    );
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, credential = '', scheme, host, path = '', query = ''] = ROUTE.exec(request.url ?? '') ?? [];
    const { method = '', headers } = request;
    const asked = {
      credential: decodeURIComponent(credential),
      url: `${scheme}://${host}${path}${query}`,
      method,
      headers: { ...headers },
    };
    this.asked.push(asked);
    const fault = await this.chancery.agentFault({ method, headers, path: (request.url ?? '').split('?', 1)[0] ?? '' });
    const refused = fault ?? this.refuse(asked);
    if (refused) return refuse(response, refused);
    request.headers = {};
    for (const [name, value] of Object.entries(headers)) {
      const forwarded = /^chancery-forward-(.+)$/.exec(name)?.[1] ?? (NOT_FORWARDED.test(name) ? undefined : name);
      if (forwarded !== undefined) request.headers[forwarded] = String(value).replaceAll('{{CREDENTIAL}}', this.key);
    }
    request.url = path + query;
    response.setHeader('chancery-audit', `7 ${'f'.repeat(64)}`);
    this.upstream(request, response);
  }
}

function refuse(response: ServerResponse, { status, headers = {}, json }: Answer): void {
  const { code } = json as { code?: string };
  const own = { 'content-type': 'application/problem+json', ...(code && { 'chancery-error': code }), ...headers };
  response.writeHead(status, own).end(JSON.stringify(json));
}
