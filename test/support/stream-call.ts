import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import type { DpopAgent } from './dpop-agent.js';
import { UPSTREAM_HOST } from './hostile-upstream.js';

export interface StreamOptions {
  readonly credential?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
  /** Everything behind `proxy/`, when it is not a path of the usual upstream. */
  readonly target?: string;
}

/** A request to the streaming route whose body the caller writes, and whose answer it awaits. */
export async function beginStream(agent: DpopAgent, path: string, options: StreamOptions = {}): Promise<ClientRequest> {
  const { credential = 'key', method = 'GET', headers = {} } = options;
  const target = `/v1/credentials/${credential}/proxy/${options.target ?? `https/${UPSTREAM_HOST}${path}`}`;
  const accessToken = String(agent.accessToken);
  const dpop = await agent.proof({ htm: method, htu: agent.base + target.split('?', 1)[0], accessToken });
  const sent = { authorization: `DPoP ${accessToken}`, dpop, ...headers };
  // `path`, because a URL would be normalised before it is sent.
  const { hostname, port } = new URL(agent.base);
  return httpRequest({ hostname, port, path: target, method, agent: false, headers: sent });
}

/** Sends the whole request, once more with the nonce when it had to have a newer one; what comes back is an answer that still arrives. */
export async function stream(agent: DpopAgent, path: string, options: StreamOptions = {}): Promise<IncomingMessage> {
  const first = await streamOnce(agent, path, options);
  if (first.headers['chancery-error'] !== 'use_dpop_nonce') return first;
  first.resume();
  return streamOnce(agent, path, options);
}

async function streamOnce(agent: DpopAgent, path: string, options: StreamOptions): Promise<IncomingMessage> {
  const request = await beginStream(agent, path, options);
  request.end(options.body);
  const answer = await answerTo(request);
  const nonce = answer.headers['dpop-nonce'];
  if (typeof nonce === 'string') agent.nonce = nonce;
  return answer;
}

export async function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  // From here on a connection that breaks is told to whoever reads the answer.
  request.on('error', () => undefined);
  return answer;
}

/** To the end; rejects when it was broken off. */
export async function textOf(answer: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}
