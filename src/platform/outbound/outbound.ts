import { channel } from 'node:diagnostics_channel';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { ownConcat } from '../crypto/own-memory.js';
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
import { trailersOf } from './trailers.js';
import { WholeAnswer } from './whole-answer.js';

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
    refuseWatchers();
    const giveBack = this.#places.take(options.tenantId);
    const { signal, timeoutMs, maxResponseBytes } = options;
    const exchange = new WholeAnswer({
      maxBytes: maxResponseBytes,
      lastLook: options.lastLook,
      judge: (headers) => void judgedCoding(headers, request.method, maxResponseBytes),
    });
    let ended: OutboundError | null = null;
    const end = (why: OutboundError): void => exchange.end((ended ??= why));
    const onAbort = (): void => end(new OutboundError('aborted'));
    const timer = setTimeout(() => end(new OutboundError('upstream_timeout')), timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (signal.aborted) throw new OutboundError('aborted');
      if (!isHostname(request.host)) throw new OutboundError('upstream_address_refused');
      this.#pools.for(options, request).dispatch(dispatchOptions(request), exchange);
      const { status, statusText, headers, pieces } = await exchange.settled;
      const coding = request.method === 'HEAD' ? null : codingOf(headers);
      const body = coding === null ? pieces : await allOf(decoded(asyncly(pieces), coding, maxResponseBytes));
      if (ended !== null) throw ended as OutboundError;
      return { status, statusText, headers: passedOn(headers), body: ownConcat(body) };
    } catch (error) {
      throw ended ?? fromExchangeFault(error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      giveBack();
    }
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
    const pool = lookingLast(this.#pools.for(options, request), options.lastLook);
    const answer = await deadline.race(
      pool.request({ signal: deadline.signal, responseHeaders: 'raw', ...dispatchOptions(request) }),
    );
    try {
      return readHead(answer, options.maxResponseBytes, request.method, deadline, finish);
    } catch (error) {
      answer.body.destroy();
      throw error;
    }
  }
}

function dispatchOptions({ method, path, headers, body }: OutboundRequest) {
  const sent = body === null || body instanceof Uint8Array ? body : Readable.from(body, { objectMode: false });
  return { method, path, headers: sentHeaders(headers), body: sent };
}

/** Names and values in turn. Answers come uncoded unless the template asked for a coding. */
function sentHeaders(headers: OutboundRequest['headers']): string[] {
  const sent: string[] = [];
  let asks = false;
  for (const [name, value] of headers) {
    sent.push(name, value);
    asks ||= name.toLowerCase() === 'accept-encoding';
  }
  if (!asks) sent.push('accept-encoding', 'identity');
  return sent;
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
  const coding = judgedCoding(all, method, maxBytes);
  return {
    status: answer.statusCode,
    statusText: answer.statusText,
    headers: method === 'HEAD' ? ofNoBody(all) : passedOn(all),
    body: guarded(answer.body, decoded(answer.body, coding, maxBytes), deadline, finish),
    trailers: () => trailersOf(answer.trailers),
    ended: deadline.signal,
  };
}

/** The coding of the body, once its head has shown that we can take it. */
function judgedCoding(headers: [string, string][], method: string, maxBytes: number): string | null {
  if (method === 'HEAD') return null;
  const coding = codingOf(headers);
  const announced = Number(headers.find(([name]) => name.toLowerCase() === 'content-length')?.[1] ?? 0);
  if (announced > maxBytes) throw new OutboundError('upstream_too_large');
  return coding;
}

/** Nothing came that was decoded: the length is that of the answer to GET, if that would come uncoded. */
function ofNoBody(headers: [string, string][]): OutboundStream['headers'] {
  const named = (wanted: string) => headers.filter(([name]) => name.toLowerCase() === wanted);
  return [...passedOn(headers), ...(named('content-encoding').length === 0 ? named('content-length') : [])];
}

function passedOn(headers: [string, string][]): OutboundStream['headers'] {
  return headers.filter(([name]) => !HEADERS_DROPPED.has(name.toLowerCase()));
}

async function* asyncly(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

async function allOf(pieces: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return all;
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
  const all: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) all.push([raw[at] as string, raw[at + 1] as string]);
  return all;
}

/** Tracing that hooks into undici records URLs and headers, and `NODE_DEBUG=undici` prints them: better no call than that. */
function refuseWatchers(): void {
  const watched = WATCHED_CHANNELS.find((name) => channel(name).hasSubscribers);
  if (watched !== undefined)
    throw new Error(`refusing to call out: something listens to ${watched} and would see secrets`);
}
