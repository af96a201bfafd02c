import { setTimeout as sleep } from 'node:timers/promises';
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
  const tally = new Tally(requests.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < requests.length; index = next++)
      await tally.send(pool, requests[index] as Prepared, index, performance.now());
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return tally.measured();
}

/** Sends each when it is due, whether those before it were answered or not; its time counts from then, however late it left. */
export async function driveAt(pool: Pool, requests: readonly Prepared[], perSecond: number): Promise<Measured> {
  const tally = new Tally(requests.length);
  const began = performance.now();
  const dueAt = (index: number): number => began + (index * 1_000) / perSecond;
  const sent: Promise<void>[] = [];
  while (sent.length < requests.length) {
    const index = sent.length;
    if (dueAt(index) > performance.now()) await sleep(TICK_MS);
    else sent.push(tally.send(pool, requests[index] as Prepared, index, dueAt(index)));
  }
  await Promise.all(sent);
  return tally.measured();
}

class Tally {
  readonly #times: Float64Array;
  readonly #statuses: Record<number, number> = {};
  readonly #began = performance.now();

  constructor(count: number) {
    this.#times = new Float64Array(count);
  }

  async send(pool: Pool, { method, path, headers, body }: Prepared, index: number, from: number): Promise<void> {
    const answer = await pool.request({ method, path, headers, body });
    await answer.body.dump();
    this.#times[index] = performance.now() - from;
    this.#statuses[answer.statusCode] = (this.#statuses[answer.statusCode] ?? 0) + 1;
  }

  measured(): Measured {
    const seconds = (performance.now() - this.#began) / 1_000;
    const times = this.#times.toSorted();
    const quantile = (share: number): number => times[Math.floor((times.length - 1) * share)] ?? 0;
    return { rps: times.length / seconds, p50Ms: quantile(0.5), p99Ms: quantile(0.99), statuses: this.#statuses };
  }
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

const TICK_MS = 1;
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

export const openPool = (base: string, connections: number): Pool => new Pool(base, { connections, pipelining: 1 });
