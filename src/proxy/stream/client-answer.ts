import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { EntryRef } from '../../tenancy/acts.js';

type Headers = readonly (readonly [name: string, value: string])[];

/** Said by us to this client, or about another origin: never in the words of an upstream. */
const NEVER_FROM_UPSTREAM = new Set(['dpop-nonce', 'strict-transport-security', 'alt-svc']);
const OURS = 'chancery-';

/** An answer on its way to the caller: begun once, written at the speed of whoever reads it, ended or broken off. */
export class ClientAnswer {
  #flush: NodeJS.Immediate | undefined;
  #sendHead: (() => void) | null = null;

  constructor(private readonly reply: FastifyReply) {}

  /** The head waits a moment for the first piece, so that a small answer is one packet, and goes out alone if none comes. */
  begin(status: number, statusText: string, headers: Headers, audit: EntryRef): void {
    this.#sendHead = () => {
      const { raw, request } = this.reply.hijack();
      const passed = headers.filter(([name]) => mayPass(name.toLowerCase()));
      const own: [string, string][] = [['Chancery-Audit', `${audit.seq} ${audit.hash}`]];
      // What of the request nobody read would be taken for the next one.
      if (!request.raw.complete) own.push(['Connection', 'close']);
      raw.writeHead(status, latin1(statusText), byName([...passed, ...own]));
    };
    this.#flush = setImmediate(() => {
      this.#headOut();
      // Not `flushHeaders`, which would write the head as UTF-8: its characters are bytes.
      this.reply.raw.write(Buffer.alloc(0));
    });
  }

  /** A call that fails before its head is out is answered with the failure. */
  abandon(): void {
    clearImmediate(this.#flush);
    this.#sendHead = null;
  }

  #headOut(): void {
    clearImmediate(this.#flush);
    this.#sendHead?.();
    this.#sendHead = null;
  }

  /** Resolves when more may be written; at once when `ended` says that nothing more will be. */
  async write(piece: Buffer, ended: AbortSignal): Promise<void> {
    if (piece.length === 0) return;
    this.#headOut();
    const { raw } = this.reply;
    if (raw.write(piece) || raw.destroyed) return;
    await this.#until('drain', ended);
  }

  /** Resolves when the last byte is with the system. */
  async end(trailers: Headers, ended: AbortSignal): Promise<void> {
    this.#headOut();
    const { raw } = this.reply;
    if (raw.destroyed) return;
    const named = trailers.map(([name, value]): [string, string] => [tokenOf(name), value]);
    if (named.length > 0) raw.addTrailers(named);
    const finished = this.#until('finish', ended);
    raw.end();
    await finished;
  }

  #until(event: 'drain' | 'finish', ended: AbortSignal): Promise<void> {
    const { raw } = this.reply;
    return new Promise((resolve) => {
      const done = (): void => {
        raw.off(event, done).off('close', done);
        ended.removeEventListener('abort', done);
        resolve();
      };
      raw.once(event, done).once('close', done);
      if (ended.aborted) done();
      else ended.addEventListener('abort', done, { once: true });
    });
  }
}

/** Lines of one name as one list of values: beside a header that is set already, Node keeps only the last of equal names. */
function byName(headers: Headers): OutgoingHttpHeaders {
  // No prototype: an upstream may call a header `__proto__`.
  const lines = Object.create(null) as Record<string, string[]>;
  const spelled = new Map<string, string>();
  for (const [name, value] of headers) {
    const token = tokenOf(name);
    const first = spelled.get(token.toLowerCase());
    if (first === undefined) {
      spelled.set(token.toLowerCase(), token);
      lines[token] = [value];
    } else (lines[first] as string[]).push(value);
  }
  return lines;
}

const mayPass = (name: string): boolean => !NEVER_FROM_UPSTREAM.has(name) && !name.startsWith(OURS);

/** The mark has brackets, and a header name has none. */
const tokenOf = (name: string): string => name.replaceAll('[redacted]', 'redacted');

const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
