import { setTimeout } from 'node:timers/promises';
import { DpopKey } from './dpop-key.js';
import { ChanceryError } from './errors.js';
import { answerJson, header, type HttpClient, type HttpRequest } from './http.js';
import type { HttpAnswer } from './http-answer.js';

const RENEW_BEFORE_MS = 60_000;
const LIFETIME_SECONDS_DEFAULT = 300;
const END_TIMEOUT_MS = 2_000;
const APPROVAL_POLL_MS = 5_000;
const APPROVAL_WAIT_MS = 600_000;

export type AgentSessionOptions = {
  http: HttpClient;
  /** `agt_…` */
  agentId: string;
  /** `chy_ak_…` */
  apiKey: string;
  scope?: string | undefined;
  now?: (() => Date) | undefined;
  /** Called before each wait while a person has yet to approve the session (SACRED). Without it the request fails. */
  onPending?: (() => void) | undefined;
  /** How long to wait for that approval, in milliseconds; default 10 minutes. */
  approvalWaitMs?: number | undefined;
  sleep?: ((ms: number) => Promise<void>) | undefined;
};

type TokenAnswer = { access_token: string; token_type: string; expires_in?: number };
type Token = { value: string; renewAt: number };

/**
 * One agent's session: a DPoP key made for it, the access token bound to that key, and the server's latest nonce.
 * Tokens are renewed before they expire; a request the server answers with `use_dpop_nonce` or with an ended token
 * is sent once more, never oftener. Neither key nor token is written anywhere.
 */
export class AgentSession {
  readonly #options: AgentSessionOptions;
  readonly #now: () => Date;
  #key = DpopKey.generate();
  #nonce: string | undefined;
  #token: Token | undefined;
  #pending: Promise<Token> | undefined;

  constructor(options: AgentSessionOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  /**
   * A request with the token and a fresh proof.
   * @throws ChanceryError when no token can be had (`invalid_client`, …) or no server answers
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const first = await this.#sendOnce(request);
    const retry = first.status === 401 ? dpopError(first) : undefined;
    if (retry === 'use_dpop_nonce') return this.#sendOnce(request);
    if (retry === 'invalid_token') {
      this.#forgetSession();
      return this.#sendOnce(request);
    }
    return first;
  }

  /** As {@link send}, and the JSON of a 2xx answer. */
  async json<T>(request: HttpRequest): Promise<T> {
    return answerJson<T>(await this.send(request));
  }

  /**
   * Ends the session at the server (RFC 7009): an agent may have only so many at once. Without an answer, or at a server
   * that does not know this, the session ends by its lifetime; nothing is thrown.
   */
  async end(): Promise<void> {
    const token = this.#token?.value;
    if (token === undefined) return;
    const form = { token, token_type_hint: 'access_token' };
    await this.#postForm('/oauth/revoke', form, END_TIMEOUT_MS).catch(() => undefined);
    this.#forgetSession();
  }

  async #sendOnce(request: HttpRequest): Promise<HttpAnswer> {
    const { value } = await this.#currentToken();
    const proof = await this.#prove(request, value);
    const headers = { ...request.headers, authorization: `DPoP ${value}`, dpop: proof };
    return this.#remember(await this.#options.http.send({ ...request, headers }));
  }

  async #currentToken(): Promise<Token> {
    if (this.#token && this.#now().getTime() < this.#token.renewAt) return this.#token;
    this.#pending ??= this.#requestToken().finally(() => (this.#pending = undefined));
    return this.#pending;
  }

  async #requestToken(): Promise<Token> {
    let answer = await this.#tokenAnswer();
    if (this.#token && wants(answer, 'invalid_grant')) {
      // this session has no renewals left: another key begins another session
      this.#forgetSession();
      answer = await this.#tokenAnswer();
    }
    answer = await this.#whileApproved(answer);
    const token = answerJson<TokenAnswer>(answer);
    if (typeof token?.access_token !== 'string' || token.token_type?.toLowerCase() !== 'dpop') {
      throw new ChanceryError({
        code: 'unexpected_answer',
        status: answer.status,
        detail: 'the token endpoint gave no DPoP token',
      });
    }
    const lifetimeMs = (token.expires_in ?? LIFETIME_SECONDS_DEFAULT) * 1000;
    const renewAt = this.#now().getTime() + Math.max(lifetimeMs - RENEW_BEFORE_MS, lifetimeMs / 2);
    this.#token = { value: token.access_token, renewAt };
    return this.#token;
  }

  async #tokenAnswer(): Promise<HttpAnswer> {
    const answer = await this.#tokenRequest();
    return wants(answer, 'use_dpop_nonce') ? this.#tokenRequest() : answer;
  }

  /** Asks again, with the same key, until a person has approved the session or the wait is over. */
  async #whileApproved(first: HttpAnswer): Promise<HttpAnswer> {
    const { onPending, approvalWaitMs = APPROVAL_WAIT_MS, sleep = setTimeout } = this.#options;
    let answer = first;
    if (!onPending) return answer;
    for (let waitedMs = 0; waitedMs < approvalWaitMs; waitedMs += APPROVAL_POLL_MS) {
      if (!wants(answer, 'authorization_pending')) break;
      onPending();
      await sleep(APPROVAL_POLL_MS);
      answer = await this.#tokenAnswer();
    }
    return answer;
  }

  async #tokenRequest(): Promise<HttpAnswer> {
    const scope = this.#options.scope ?? 'use:credential';
    return this.#remember(await this.#postForm('/oauth/token', { grant_type: 'client_credentials', scope }));
  }

  async #postForm(path: string, form: Record<string, string>, timeoutMs?: number): Promise<HttpAnswer> {
    const { agentId, apiKey, http } = this.#options;
    const request = { method: 'POST', path, timeoutMs };
    // RFC 6749 2.3.1: both parts are form-encoded before they are joined
    const basic = Buffer.from(`${encodeURIComponent(agentId)}:${encodeURIComponent(apiKey)}`).toString('base64');
    const headers = {
      authorization: `Basic ${basic}`,
      dpop: await this.#prove(request),
      'content-type': 'application/x-www-form-urlencoded',
    };
    return http.send({ ...request, headers, body: new URLSearchParams(form).toString() });
  }

  #prove(request: HttpRequest, accessToken?: string): Promise<string> {
    const url = this.#options.http.url(request);
    return this.#key.proof({ method: request.method, url, nonce: this.#nonce, accessToken, now: this.#now() });
  }

  #remember(answer: HttpAnswer): HttpAnswer {
    this.#nonce = header(answer.headers, 'dpop-nonce') ?? this.#nonce;
    return answer;
  }

  #forgetSession(): void {
    this.#token = undefined;
    this.#key = DpopKey.generate();
  }
}

const wants = (answer: HttpAnswer, error: string) => answer.status === 400 && bodyError(answer) === error;

function dpopError(answer: HttpAnswer): string | undefined {
  const challenge = header(answer.headers, 'www-authenticate') ?? '';
  return /^DPoP\b.*?\berror="([a-z_]+)"/i.exec(challenge)?.[1] ?? bodyError(answer);
}

function bodyError(answer: HttpAnswer): string | undefined {
  try {
    const body = JSON.parse(answer.body.toString('utf8')) as { error?: string; code?: string };
    return body.error ?? body.code;
  } catch {
    return undefined;
  }
}
