import type { AgentSession, SessionNews } from './agent-session.js';
import { waitForApproval } from './approvals.js';
import { ChanceryError } from './errors.js';
import type { FetchOptions } from './fetch-options.js';
import { readRequest, withInertJson, type FetchRequest } from './fetch-request.js';
import type { Fetch } from './http.js';
import { networkError } from './http-failures.js';
import { proxyHeaders, proxyRoute } from './proxy-route.js';
import { nextHop } from './redirects.js';
import { answerOf, AUDIT_HEADER, pendingOf, refusalCode, refusalOf } from './refusal.js';

const HOPS_MAX = 20;

/** A `fetch` whose requests are made with one credential. See {@link Chancery.fetch}. */
export function credentialFetch(session: AgentSession, credential: string, options: FetchOptions): Fetch {
  return async (input, init) => {
    const read = readRequest(input, init);
    const request = options.placeholdersInJson ? read : await withInertJson(read);
    const refusals = options.refusals ?? (request.headers.has('x-stainless-lang') ? 'answer' : 'throw');
    try {
      return await new CredentialCall(session, credential, options).follow(request);
    } catch (error) {
      request.signal?.throwIfAborted();
      if (refusals === 'answer' && error instanceof ChanceryError && error.status > 0) return answerOf(error);
      throw error;
    }
  };
}

class CredentialCall {
  constructor(
    private readonly session: AgentSession,
    private readonly credential: string,
    private readonly options: FetchOptions,
  ) {}

  /** The answer, after redirects that stay with the same host; each is a use of its own. */
  async follow(first: FetchRequest): Promise<Response> {
    let request = first;
    for (let hops = 0; ; hops += 1) {
      const answer = await this.#approved(request);
      const next = nextHop(request, answer);
      if (next === undefined) return as(answer, request.url, hops > 0);
      if (hops === HOPS_MAX) throw new TypeError('fetch failed: too many redirects');
      await answer.body?.cancel();
      request = next;
    }
  }

  /** Sends the request, and once more when a person approves it within the wait. */
  async #approved(request: FetchRequest): Promise<Response> {
    const { wait = 0 } = this.options;
    const deadline = Date.now() + wait * 1000;
    try {
      return await this.#send(request, this.options);
    } catch (error) {
      const approval = error instanceof ChanceryError ? error.approval : undefined;
      if (!approval || !request.repeatable || wait <= 0) throw error;
      const waitMs = Math.max(0, deadline - Date.now());
      const { id } = await waitForApproval(this.session, approval, { waitMs, signal: request.signal });
      return this.#send(request, { ...this.options, wait: undefined, approvalId: id });
    }
  }

  async #send(request: FetchRequest, options: FetchOptions): Promise<Response> {
    const { http } = this.session;
    const url = http.url({ path: proxyRoute(this.credential, request.url) });
    const { method, body, signal = null, repeatable } = request;
    const ask = async (agent: Record<string, string>): Promise<SessionNews<Response>> => {
      const headers = proxyHeaders(request.headers, options);
      for (const [name, value] of Object.entries(agent)) headers.set(name, value);
      const init = { method, headers, body, signal, redirect: 'manual', ...(body && { duplex: 'half' }) };
      const answer = await http.fetch(url, init as RequestInit).catch((error: unknown) => {
        throw signal?.aborted ? signal.reason : networkError(error, http.baseUrl, undefined);
      });
      const refused = refusalCode(answer);
      return { answer, nonce: answer.headers.get('dpop-nonce') ?? undefined, refused };
    };
    return this.#upstreams(await this.session.exchange({ method, url }, ask, { repeatable }));
  }

  /** The answer when it is the upstream's. */
  async #upstreams(answer: Response): Promise<Response> {
    const { baseUrl } = this.session.http;
    if (refusalCode(answer) === 'approval_pending') throw await pendingOf(answer, baseUrl);
    if (refusalCode(answer) !== undefined) throw await refusalOf(answer, baseUrl);
    if (answer.headers.has(AUDIT_HEADER)) return answer;
    await answer.body?.cancel();
    const detail = `${baseUrl} answered ${answer.status}, but not as Chancery does; is this its URL?`;
    throw new ChanceryError({ code: 'unexpected_answer', status: 0, detail });
  }
}

/** The upstream's answer as `fetch` would have given it. */
function as(answer: Response, url: URL, redirected: boolean): Response {
  const asked = new URL(url);
  asked.hash = '';
  const clone = answer.clone.bind(answer);
  return Object.defineProperties(answer, {
    url: { value: asked.href },
    redirected: { value: redirected },
    clone: { value: () => as(clone(), url, redirected) },
  });
}
