import type { TLSSocket } from 'node:tls';
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from 'node:http';

export interface Received {
  readonly method: string;
  /** Path and query, as they came. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** What TLS was told (SNI). */
  readonly serverName: string | false;
}

/** An API that answers each path as a spec says, and writes down what it was asked. */
export class ScriptedUpstream {
  readonly received: Received[] = [];
  readonly #answers = new Map<string, RequestListener>();
  readonly #hanging = new Set<ServerResponse>();
  /** How many requests were left hanging so far; unlike `hanging` it never goes down. */
  hung = 0;
  /** How many answers that never came were given up by who asked. */
  givenUp = 0;

  readonly listener: RequestListener = (request, response) => void this.#serve(request, response);

  on(path: string, answer: RequestListener): void {
    this.#answers.set(path, answer);
  }

  /** Answers `path` never, until `letGo`. */
  hangOn(path: string): void {
    this.on(path, (_, response) => {
      this.#hanging.add(response);
      this.hung += 1;
      response.once('close', () => {
        if (this.#hanging.delete(response)) this.givenUp += 1;
      });
    });
  }

  letGo(): void {
    for (const response of this.#hanging) response.end('{"late":true}');
    this.#hanging.clear();
  }

  get hanging(): number {
    return this.#hanging.size;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body: Buffer[] = [];
    // A caller that is cut while it sends is not this side's trouble.
    const whole = await read(request, body);
    const { method = '', url: target = '', headers } = request;
    const serverName = (request.socket as Partial<TLSSocket>).servername ?? false;
    this.received.push({ method, target, headers, body: Buffer.concat(body).toString(), serverName });
    if (!whole) return;
    const answer = this.#answers.get(target.split('?', 1)[0] as string);
    if (answer === undefined) response.setHeader('content-type', 'application/json').end('{}');
    else answer(request, response);
  }
}

async function read(request: IncomingMessage, into: Buffer[]): Promise<boolean> {
  try {
    for await (const piece of request) into.push(piece as Buffer);
    return true;
  } catch {
    return false;
  }
}
