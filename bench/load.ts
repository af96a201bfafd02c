import { Pool } from 'undici';
import type { BenchAgent } from './world.js';

/** One request as the client sends it, complete. */
export interface Prepared {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;
}

export interface Measured {
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<number, number>>;
}

/** Sends all of them over kept-alive connections, `inFlight` at a time. */
export async function drive(pool: Pool, requests: readonly Prepared[], inFlight: number): Promise<Measured> {
  const times = new Float64Array(requests.length);
  const statuses: Record<number, number> = {};
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < requests.length; index = next++) {
      const { method, path, headers, body } = requests[index] as Prepared;
      const from = performance.now();
      const answer = await pool.request({ method, path, headers, body });
      await answer.body.dump();
      times[index] = performance.now() - from;
      statuses[answer.statusCode] = (statuses[answer.statusCode] ?? 0) + 1;
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - began) / 1000;
  times.sort();
  const quantile = (share: number): number => times[Math.floor((times.length - 1) * share)] ?? 0;
  return { rps: requests.length / seconds, p50Ms: quantile(0.5), p99Ms: quantile(0.99), statuses };
}

export interface ProofTarget {
  readonly method: 'GET' | 'POST';
  readonly base: string;
  readonly path: string;
  readonly body: string | null;
}

/** Requests with a proof each, by the agents in turn. Signing is the client's work and stays out of what is measured. */
export function prepare(
  agents: readonly BenchAgent[],
  { method, base, path, body }: ProofTarget,
  nonce: string,
  count: number,
): Promise<Prepared[]> {
  const one = async (_unused: unknown, index: number): Promise<Prepared> => {
    const { key, token: accessToken } = agents[index % agents.length] as BenchAgent;
    const dpop = await key.proof({ method, url: base + path, nonce, accessToken, now: new Date() });
    const headers: Record<string, string> = { authorization: `DPoP ${accessToken}`, dpop };
    if (body !== null) headers['content-type'] = 'application/json';
    return { method, path, headers, body };
  };
  return Promise.all(Array.from({ length: count }, one));
}

/** The nonce of this minute: the token endpoint hands it out with the refusal of a proof that has none. */
export async function currentNonce(base: string): Promise<string> {
  const answer = await fetch(`${base}/oauth/token`, { method: 'POST', headers: FORM, body: 'grant_type=none' });
  await answer.arrayBuffer();
  const nonce = answer.headers.get('dpop-nonce');
  if (nonce === null) throw new Error(`no nonce came with ${answer.status}`);
  return nonce;
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

export const openPool = (base: string, connections: number): Pool => new Pool(base, { connections, pipelining: 1 });
