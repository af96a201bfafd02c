import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { createDpopProof } from '@chancery/protocol/dpop-create.js';
import type { DpopAlgorithm } from '@chancery/protocol/dpop.js';
import { type PublicJwk, thumbprint } from '@chancery/protocol/jwk.js';

export interface DpopKey {
  readonly alg: DpopAlgorithm;
  readonly jwk: PublicJwk;
  readonly privateKey: KeyObject;
}

export function newDpopKey(alg: DpopAlgorithm = 'Ed25519'): DpopKey {
  const { privateKey, publicKey } =
    alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
  return { alg, jwk: publicKey.export({ format: 'jwk' }) as PublicJwk, privateKey };
}

export interface ProofOptions {
  readonly htm: string;
  readonly htu: string;
  readonly accessToken?: string;
  readonly nonce?: string;
  readonly iat?: number;
  readonly jti?: string;
}

export function proofBy(key: DpopKey, options: ProofOptions): Promise<string> {
  const signWith = (data: Uint8Array) =>
    key.alg === 'ES256'
      ? sign('sha256', data, { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
      : sign(null, data, key.privateKey);
  const fresh = { jti: randomUUID(), iat: Math.floor(Date.now() / 1000) };
  return createDpopProof({ ...fresh, ...options, sign: signWith, publicJwk: key.jwk, alg: key.alg });
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** An agent as its own process sees itself: an API key, a DPoP key, the last nonce it was given, perhaps a token. */
export class DpopAgent {
  nonce: string | undefined;
  accessToken: string | undefined;

  constructor(
    readonly base: string,
    readonly id: string,
    readonly apiKey: string,
    readonly key: DpopKey = newDpopKey(),
    readonly nowMs: () => number = Date.now,
  ) {}

  get jkt(): string {
    return thumbprint(this.key.jwk);
  }

  /** Asks for a token, once more with the nonce when there was none. */
  async token(form: Record<string, string> = {}): Promise<Answer> {
    const first = await this.tokenOnce(form);
    const answer = first.body.error === 'use_dpop_nonce' ? await this.tokenOnce(form) : first;
    if (typeof answer.body.access_token === 'string') this.accessToken = answer.body.access_token;
    return answer;
  }

  async tokenOnce(form: Record<string, string> = {}, proof?: string): Promise<Answer> {
    const htu = `${this.base}/oauth/token`;
    const dpop = proof ?? (await this.proof({ htm: 'POST', htu }));
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: this.id,
      client_secret: this.apiKey,
      ...form,
    });
    return this.#keepNonce(await fetch(htu, { method: 'POST', headers: { dpop }, body }));
  }

  async call(method: string, path: string, headers: Record<string, string> = {}, json?: unknown): Promise<Answer> {
    const first = await this.callOnce(method, path, headers, json);
    return first.body?.code === 'use_dpop_nonce' ? this.callOnce(method, path, headers, json) : first;
  }

  async callOnce(method: string, path: string, headers: Record<string, string> = {}, json?: unknown): Promise<Answer> {
    const htu = this.base + path;
    const accessToken = this.accessToken ?? '';
    const dpop = headers.dpop ?? (await this.proof({ htm: method, htu, accessToken }));
    const type = json === undefined ? {} : { 'content-type': 'application/json' };
    const sent = { ...type, ...headers, authorization: `DPoP ${accessToken}`, dpop };
    const body = json === undefined ? null : JSON.stringify(json);
    return this.#keepNonce(await fetch(htu, { method, headers: sent, body }));
  }

  proof(options: ProofOptions): Promise<string> {
    const iat = Math.floor(this.nowMs() / 1000);
    return proofBy(this.key, { iat, ...(this.nonce !== undefined && { nonce: this.nonce }), ...options });
  }

  async #keepNonce(answer: Response): Promise<Answer> {
    this.nonce = answer.headers.get('dpop-nonce') ?? this.nonce;
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    };
  }
}
