import { DpopKey } from './dpop-key.js';
import { ChanceryError } from './errors.js';
import { answerJson, header, type HttpClient, type HttpRequest } from './http.js';
import { textOf, type HttpAnswer } from './http-answer.js';

const RENEW_BEFORE_MS = 60_000;
const LIFETIME_SECONDS_DEFAULT = 300;
const END_TIMEOUT_MS = 2_000;
const APPROVAL_POLL_MS = 5_000;
const APPROVAL_WAIT_MS = 600_000;
/** A nonce is good for its minute and the next (`docs/errors/use_dpop_nonce.md`). */
const NONCE_GOOD_MS = 45_000;

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
type Token = { value: string; key: DpopKey; renewAt: number; expiresAt: number };

/** The two headers of an agent's request (RFC 9449 section 7.1). */
export type AgentHeaders = { authorization: string; dpop: string };
/** What an answer says to the session: a nonce, and why it refused the token or the proof. */
export type SessionNews<A> = { answer: A; nonce: string | undefined; refused: string | undefined };

/**
 * One agent's session: a DPoP key made for it, the access token bound to that key, and the server's latest nonce.
 * Tokens are renewed before they expire; a request the server answers with `use_dpop_nonce` or with an ended token
 * is sent once more for each, never oftener. Neither key nor token is written anywhere.
 */
export class AgentSession {
  readonly #options: AgentSessionOptions;
  readonly #now: () => Date;
  #key = DpopKey.generate();
  #nonce: string | undefined;
  #nonceAt = -Infinity;
  #token: Token | undefined;
  #pending: Promise<Token> | undefined;

  constructor(options: AgentSessionOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  get http(): HttpClient {
    return this.#options.http;
  }

  /** Asks for the token now instead of with the first request. @throws ChanceryError as {@link send} */
  async begin(): Promise<void> {
    await this.#currentToken();
  }

  /**
   * A request with the token and a fresh proof.
   * @throws ChanceryError when no token can be had (`invalid_client`, …) or no server answers
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    return this.exchange({ method: request.method, url: this.http.url(request) }, async (agent) => {
      const answer = await this.http.send({ ...request, headers: { ...request.headers, ...agent } });
      const refused = answer.status === 401 ? dpopError(answer) : undefined;
      return { answer, nonce: header(answer.headers, 'dpop-nonce'), refused };
    });
  }

  /** As {@link send}, and the JSON of a 2xx answer. */
  async json<T>(request: HttpRequest): Promise<T> {
    return answerJson<T>(await this.send(request));
  }

  /**
   * Has `send` ask once, with the headers of a fresh proof, and once more for a nonce and for an ended token: both are
   * refused before anything is done. With `repeatable: false`, for a body that can be read only once, the nonce is made
   * sure of beforehand and nothing is sent twice.
   */
  async exchange<A>(
    target: { method: string; url: string },
    send: (agent: AgentHeaders) => Promise<SessionNews<A>>,
    { repeatable = true }: { repeatable?: boolean } = {},
  ): Promise<A> {
    if (!repeatable) await this.#freshNonce();
    const repeatFor = new Set(repeatable ? ['use_dpop_nonce', 'invalid_token'] : []);
    for (;;) {
      const token = await this.#currentToken();
      const dpop = await this.#prove(target, token.key, token.value);
      const { answer, nonce, refused } = await send({ authorization: `DPoP ${token.value}`, dpop });
      this.#remember(nonce);
      if (refused === 'invalid_token') this.#forget(token);
      if (refused === undefined || !repeatFor.delete(refused)) return answer;
    }
  }

  /**
   * Ends the session at the server (RFC 7009): an agent may have only so many at once. Without an answer, or at a server
   * that does not know this, the session ends by its lifetime; nothing is thrown.
   */
  async end(): Promise<void> {
    const token = this.#token;
    if (token === undefined) return;
    const form = { token: token.value, token_type_hint: 'access_token' };
    await this.#postForm('/oauth/revoke', form, END_TIMEOUT_MS).catch(() => undefined);
    this.#forget(token);
  }

  async #currentToken(): Promise<Token> {
    const now = this.#now().getTime();
    const token = this.#token;
    if (token && now < token.renewAt) return token;
    this.#pending ??= this.#requestToken().finally(() => (this.#pending = undefined));
    if (!token || now >= token.expiresAt) return this.#pending;
    // a server that cannot be asked right now: the old token is good until it expires
    return this.#pending.catch((error: unknown) => {
      if (error instanceof ChanceryError && error.unreachable) return token;
      throw error;
    });
  }

  async #requestToken(): Promise<Token> {
    let answer = await this.#tokenAnswer();
    if (this.#token && wants(answer, 'invalid_grant')) {
      // this session has no renewals left: another key begins another session
      this.#forget(this.#token);
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
    const now = this.#now().getTime();
    const renewAt = now + Math.max(lifetimeMs - RENEW_BEFORE_MS, lifetimeMs / 2);
    this.#token = { value: token.access_token, key: this.#key, renewAt, expiresAt: now + lifetimeMs };
    return this.#token;
  }

  async #tokenAnswer(): Promise<HttpAnswer> {
    const answer = await this.#tokenRequest();
    return wants(answer, 'use_dpop_nonce') ? this.#tokenRequest() : answer;
  }

  /** Asks again, with the same key, until a person has approved the session or the wait is over. */
  async #whileApproved(first: HttpAnswer): Promise<HttpAnswer> {
    const { onPending, approvalWaitMs = APPROVAL_WAIT_MS, sleep = pause } = this.#options;
    let answer = first;
    if (!onPending) return answer;
    for (let waitedMs = 0; waitedMs < approvalWaitMs; waitedMs += APPROVAL_POLL_MS) {
      const slower = wants(answer, 'slow_down');
      if (!slower && !wants(answer, 'authorization_pending')) break;
      onPending();
      await sleep(slower ? 2 * APPROVAL_POLL_MS : APPROVAL_POLL_MS);
      answer = await this.#tokenAnswer();
    }
    return answer;
  }

  async #tokenRequest(): Promise<HttpAnswer> {
    const scope = this.#options.scope ?? 'use:credential';
    return this.#postForm('/oauth/token', { grant_type: 'client_credentials', scope });
  }

  async #postForm(path: string, form: Record<string, string>, timeoutMs?: number): Promise<HttpAnswer> {
    const { agentId, apiKey, http } = this.#options;
    const request = { method: 'POST', path, timeoutMs };
    // RFC 6749 section 2.3.1: both parts are form-encoded before they are joined
    const basic = btoa(`${encodeURIComponent(agentId)}:${encodeURIComponent(apiKey)}`);
    const headers = {
      authorization: `Basic ${basic}`,
      dpop: await this.#prove({ method: request.method, url: http.url(request) }, this.#key),
      'content-type': 'application/x-www-form-urlencoded',
    };
    const answer = await http.send({ ...request, headers, body: new URLSearchParams(form).toString() });
    this.#remember(header(answer.headers, 'dpop-nonce'));
    return answer;
  }

  #prove(target: { method: string; url: string }, key: DpopKey, accessToken?: string): Promise<string> {
    return key.proof({ ...target, nonce: this.#nonce, accessToken, now: this.#now() });
  }

  /** Asks something that changes nothing when the nonce may be too old: the answer brings another, or it still holds. */
  async #freshNonce(): Promise<void> {
    await this.#currentToken();
    if (this.#now().getTime() - this.#nonceAt < NONCE_GOOD_MS) return;
    const answer = await this.send({ method: 'GET', path: '/v1/whoami' });
    if (answer.status === 200) this.#nonceAt = this.#now().getTime();
  }

  #remember(nonce: string | undefined): void {
    if (nonce === undefined || nonce === this.#nonce) return;
    this.#nonce = nonce;
    this.#nonceAt = this.#now().getTime();
  }

  /** Only the session the token was of: another request may have begun the next one already. */
  #forget(token: Token): void {
    if (this.#token !== token) return;
    this.#token = undefined;
    this.#key = DpopKey.generate();
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const wants = (answer: HttpAnswer, error: string) => answer.status === 400 && bodyError(answer) === error;

function dpopError(answer: HttpAnswer): string | undefined {
  const challenge = header(answer.headers, 'www-authenticate') ?? '';
  return /^DPoP\b.*?\berror="([a-z_]+)"/i.exec(challenge)?.[1] ?? bodyError(answer);
}

function bodyError(answer: HttpAnswer): string | undefined {
  try {
    const body = JSON.parse(textOf(answer)) as { error?: string; code?: string };
    return body.error ?? body.code;
  } catch {
    return undefined;
  }
}
