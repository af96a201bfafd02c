import { channel } from 'node:diagnostics_channel';
import type { Dispatcher } from 'undici';
import { trustedRoots } from './connector.js';
import { Deadline } from './deadline.js';
import { codingOf, decoded } from './decode.js';
import type { DialPolicy } from './dial-policy.js';
import { isHostname } from './hostname.js';
import { lookingLast } from './last-look.js';
import { fromExchangeFault, OutboundError } from './outbound-error.js';
import type { OutboundOptions, OutboundRequest, OutboundResponse, OutboundStream } from './outbound-message.js';
import { Places } from './places.js';
import { Pools } from './pools.js';
import { lookupAll, type Lookup } from './resolve-validated.js';

/** They concern the connection or the coding we undid, so they say nothing true about what is handed on. */
const HEADERS_DROPPED = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-encoding',
  'content-length',
]);

/** Whoever listens here reads rendered requests. */
const WATCHED_CHANNELS = [
  'undici:request:create',
  'undici:client:sendHeaders',
  'undici:request:bodyChunkSent',
] as const;

export type OutboundParts = {
  readonly policy: DialPolicy;
  /** PEM of one more authority to trust. Development only. */
  readonly extraCa?: string | undefined;
  readonly lookup?: Lookup | undefined;
};

/**
 * The only door for what a tenant can aim. It dials validated addresses only, verifies TLS, follows no redirect, reads no proxy
 * setting, repeats nothing, and ends every call by its deadline. What goes wrong leaves as an `OutboundError` and nothing else.
 */
export class Outbound {
  readonly #pools: Pools;
  readonly #places = new Places();

  constructor({ policy, extraCa, lookup = lookupAll }: OutboundParts) {
    this.#pools = new Pools({ policy, lookup, secureContext: trustedRoots(extraCa) });
  }

  /** The whole answer in memory. */
  async send(request: OutboundRequest, options: OutboundOptions): Promise<OutboundResponse> {
    const { body, ...head } = await this.open(request, options);
    const pieces: Buffer[] = [];
    for await (const piece of body) pieces.push(piece);
    return { ...head, body: Buffer.concat(pieces) };
  }

  /** The answer's head, with the body still to be read. The body must be read or broken off: it holds a place until then. */
  async open(request: OutboundRequest, options: OutboundOptions): Promise<OutboundStream> {
    refuseWatchers();
    const giveBack = this.#places.take(options.tenantId);
    const deadline = new Deadline(options.signal, options.timeoutMs);
    const finish = (): void => {
      giveBack();
      deadline.close();
    };
    // A body that nobody reads gives its place back when its time is up.
    deadline.signal.addEventListener('abort', finish, { once: true });
    try {
      return await this.#exchange(request, options, deadline, finish);
    } catch (error) {
      finish();
      throw deadline.error ?? fromExchangeFault(error);
    }
  }

  async destroy(): Promise<void> {
    await this.#pools.destroy();
  }

  async #exchange(
    request: OutboundRequest,
    options: OutboundOptions,
    deadline: Deadline,
    finish: () => void,
  ): Promise<OutboundStream> {
    if (deadline.error !== null) throw deadline.error;
    if (!isHostname(request.host)) throw new OutboundError('upstream_address_refused');
    const pool = lookingLast(this.#pools.for(options.tenantId, request), options.lastLook);
    const answer = await deadline.race(
      pool.request({
        method: request.method,
        path: request.path,
        headers: withoutCoding(request.headers).flat(),
        body: request.body,
        signal: deadline.signal,
        responseHeaders: 'raw',
      }),
    );
    try {
      return readHead(answer, options.maxResponseBytes, request.method, deadline, finish);
    } catch (error) {
      answer.body.destroy();
      throw error;
    }
  }
}

/** Answers come uncoded unless the template asked for a coding. */
function withoutCoding(headers: OutboundRequest['headers']): OutboundRequest['headers'] {
  const asks = headers.some(([name]) => name.toLowerCase() === 'accept-encoding');
  return asks ? headers : [...headers, ['accept-encoding', 'identity'] as const];
}

function readHead(
  answer: Dispatcher.ResponseData,
  maxBytes: number,
  method: string,
  deadline: Deadline,
  finish: () => void,
): OutboundStream {
  // An error after the last reader left (an abort during a pause) has nobody to go to.
  answer.body.on('error', () => undefined);
  const all = pairs(answer.headers as unknown as readonly string[]);
  const coding = method === 'HEAD' ? null : codingOf(all);
  const announced = Number(all.find(([name]) => name.toLowerCase() === 'content-length')?.[1] ?? 0);
  if (method !== 'HEAD' && announced > maxBytes) throw new OutboundError('upstream_too_large');
  return {
    status: answer.statusCode,
    statusText: answer.statusText,
    headers: all.filter(([name]) => !HEADERS_DROPPED.has(name.toLowerCase())),
    body: guarded(answer.body, decoded(answer.body, coding, maxBytes), deadline, finish),
  };
}

/** Whatever way the reading ends, the upstream's socket is let go and the fault is one of ours. */
async function* guarded(
  source: Dispatcher.ResponseData['body'],
  pieces: AsyncIterable<Buffer>,
  deadline: Deadline,
  finish: () => void,
): AsyncGenerator<Buffer> {
  try {
    yield* pieces;
  } catch (error) {
    throw deadline.error ?? fromExchangeFault(error);
  } finally {
    source.destroy();
    finish();
  }
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_unused, index) => [
    raw[2 * index] as string,
    raw[2 * index + 1] as string,
  ]);
}

/** Tracing that hooks into undici records URLs and headers, and `NODE_DEBUG=undici` prints them: better no call than that. */
function refuseWatchers(): void {
  const watched = WATCHED_CHANNELS.find((name) => channel(name).hasSubscribers);
  if (watched !== undefined)
    throw new Error(`refusing to call out: something listens to ${watched} and would see secrets`);
}
