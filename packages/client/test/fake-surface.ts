import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export type Asked = {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  text: string;
  json: Record<string, unknown>;
  /** What `:name` stood for, in order. */
  params: string[];
  /** When the connection it came over is gone. */
  closed: Promise<void>;
};
export type Answer = { status: number; headers?: Record<string, string>; json?: unknown; raw?: string | Buffer };
type Served = (request: IncomingMessage, response: ServerResponse) => Promise<void>;
export type Route = (asked: Asked) => Answer | Promise<Answer>;

export const ok = (json: unknown, status = 200): Answer => ({ status, json });
export const problem = (status: number, code: string, extra: Record<string, unknown> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/problem+json' },
  json: { type: `/errors/${code}`, title: code, status, detail: `fake: ${code}`, code, request_id: 'req_1', ...extra },
});

/** One HTTP surface on loopback: a table of routes, every request remembered. */
export class FakeSurface {
  readonly asked: Asked[] = [];
  readonly #routes = new Map<string, Route>();
  readonly #server: Server;
  #streams: { prefix: RegExp; serve: Served } | undefined;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** `on('GET /v1/agents/:id', …)`; the latest registration wins. */
  on(route: string, answer: Route | Answer): void {
    this.#routes.set(route, typeof answer === 'function' ? answer : () => answer);
  }

  to(route: string): Asked[] {
    const [method, path] = route.split(' ') as [string, string];
    return this.asked.filter((asked) => asked.method === method && match(path, asked.path));
  }

  /** Requests whose path begins so are handed on as they come, their bodies unread. */
  onStream(prefix: RegExp, serve: Served): void {
    this.#streams = { prefix, serve };
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#streams?.prefix.test(request.url ?? '')) return this.#streams.serve(request, response);
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const url = new URL(request.url ?? '/', 'http://fake');
    const text = Buffer.concat(chunks).toString('utf8');
    const asked: Asked = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      text,
      json: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {},
      params: [],
      closed: new Promise((resolve) => request.socket.once('close', () => resolve())),
    };
    this.asked.push(asked);
    const answer = await this.#answer(asked);
    const body = answer.json === undefined ? (answer.raw ?? '') : JSON.stringify(answer.json);
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(answer.status === 204 ? undefined : body);
  }

  async #answer(asked: Asked): Promise<Answer> {
    for (const [key, route] of [...this.#routes].reverse()) {
      const [method, pattern] = key.split(' ') as [string, string];
      const params = method === asked.method ? match(pattern, asked.path) : undefined;
      if (params) return route(Object.assign(asked, { params }));
    }
    return problem(404, 'not_found');
  }
}

function match(pattern: string, path: string): string[] | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== given.length) return undefined;
  const params: string[] = [];
  for (const [i, part] of wanted.entries()) {
    if (part.startsWith(':')) params.push(decodeURIComponent(given[i] ?? ''));
    else if (part !== given[i]) return undefined;
  }
  return params;
}
