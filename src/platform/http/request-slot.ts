import type { IncomingMessage } from 'node:http';

/**
 * A place on a request where one room leaves something for others to find. A property of its own on the request: a weak
 * map of all requests would cost every collection a walk through it.
 */
export class RequestSlot<T> {
  readonly #key: symbol;

  constructor(name: string) {
    this.#key = Symbol(`chancery/${name}`);
  }

  set(request: IncomingMessage, value: T): void {
    (request as unknown as Record<symbol, T>)[this.#key] = value;
  }

  get(request: IncomingMessage): T | undefined {
    return (request as unknown as Record<symbol, T | undefined>)[this.#key];
  }
}
