import { AgentSession } from './agent-session.js';
import { readApproval, waitForApproval, type ApprovalWait } from './approvals.js';
import { withEnvironment, type ConnectOptions } from './connect-options.js';
import { credentialFetch } from './credential-fetch.js';
import type { Approval } from './errors.js';
import { EXECUTE_TIMEOUT_MS_MAX, type ExecuteAnswer, type ExecuteInput } from './execute.js';
import type { FetchOptions } from './fetch-options.js';
import { answerJson, HttpClient, type Fetch } from './http.js';
import { pendingAnswer } from './refusal.js';

export { ChanceryError } from './errors.js';
export { PLACEHOLDER } from './placeholder.js';
export type { ConnectOptions } from './connect-options.js';
export type { Approval, AuditPosition } from './errors.js';
export type { ExecuteAnswer, ExecuteInput, RequestTemplate } from './execute.js';
export type { FetchOptions } from './fetch-options.js';

const EXECUTE_GRACE_MS = 10_000;
const PAGE_LIMIT = 200;

/** Who the server takes this agent for. */
export type Identity = {
  kind: 'agent';
  /** `agt_…` */
  id: string;
  name: string;
  tier: string;
  tenant: { id: string; namespace: string };
};

/**
 * An agent's door to the credentials it was granted, none of which it can see.
 *
 * ```ts
 * const chancery = await Chancery.connect();
 * const openai = new OpenAI({ apiKey: PLACEHOLDER, fetch: chancery.fetch('openai_key') });
 * ```
 */
export class Chancery {
  readonly #session: AgentSession;
  readonly #http: HttpClient | undefined;

  private constructor(session: AgentSession, http?: HttpClient) {
    this.#session = session;
    this.#http = http;
  }

  /** Over a session the caller made, whose connections the caller closes. */
  static over(session: AgentSession): Chancery {
    return new Chancery(session);
  }

  /**
   * Makes a session: a key of its own (RFC 9449) and a token bound to it. Renewed before it expires, and once when the
   * server has ended it; neither is written anywhere.
   * @throws ChanceryError `not_configured`, `bad_url`, `insecure_url`; `invalid_client` for a wrong id or key;
   * `authorization_pending` when a person has to approve the session and `onPending` is not given; `unreachable`
   */
  static async connect(options: ConnectOptions = {}): Promise<Chancery> {
    const { url, agentId, apiKey, fetch, allowCleartext, onPending, approvalWaitMs } = withEnvironment(options);
    const http = new HttpClient({ baseUrl: url, fetch, allowCleartext });
    const session = new AgentSession({ http, agentId, apiKey, onPending, approvalWaitMs });
    await session.begin();
    return new Chancery(session, http);
  }

  /**
   * A `fetch` whose requests are made with one credential: bodies stream both ways, `signal` ends the upstream's work,
   * `response.url` is the URL that was asked. Where the request says `{{CREDENTIAL}}` (header, path, query, a text body)
   * the credential goes there, else where its default injection says.
   *
   * An answer of the upstream comes through untouched, whatever its status. What Chancery refuses is a
   * {@link ChanceryError}: thrown, or for SDKs that retry what is thrown an answer (see {@link FetchOptions.refusals}).
   * Each call is one request to Chancery; it is repeated only where the first was refused unread: for a nonce, for an
   * ended session. Redirects are followed on the same host only; others are given to the caller.
   *
   * Rejects with ChanceryError `brake_active`, `credential_not_found`, `tier_too_low`, `vault_sealed`,
   * `domain_not_allowed`, `approval_pending`, `upstream_…`, `unreachable`, …; with TypeError for arguments `fetch`
   * refuses; with the signal's reason when that aborts.
   */
  fetch(credential: string, options: FetchOptions = {}): Fetch {
    return credentialFetch(this.#session, credential, options);
  }

  /**
   * Has a whole call made with a credential. Never repeated after the upstream may have been asked. `signal` gives the
   * call up, which also ends the upstream's.
   * @throws ChanceryError with the server's code: `brake_active`, `credential_not_found`, `tier_too_low`,
   * `vault_sealed`, `domain_not_allowed`, `url_refused`, `upstream_…`; `approval_pending` when a person has to decide,
   * then the same input again with `approval_id`; `waitSeconds` (at most 60) has the server hold the call meanwhile
   */
  async execute(
    credential: string,
    input: ExecuteInput,
    options: { signal?: AbortSignal | undefined; waitSeconds?: number | undefined } = {},
  ): Promise<ExecuteAnswer> {
    const { signal, waitSeconds } = options;
    const answer = await this.#session.send({
      method: 'POST',
      path: `/v1/credentials/${encodeURIComponent(credential)}/execute`,
      json: input,
      headers: waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` },
      signal,
      timeoutMs: (input.timeout_ms ?? EXECUTE_TIMEOUT_MS_MAX) + (waitSeconds ?? 0) * 1000 + EXECUTE_GRACE_MS,
    });
    if (answer.status === 202) throw pendingAnswer(answer, this.#session.http.baseUrl);
    return answerJson<ExecuteAnswer>(answer);
  }

  /** The names of the credentials this agent may use now. Never where they may go. */
  async credentials(): Promise<string[]> {
    const names: string[] = [];
    for (let cursor: string | null = null; ;) {
      const query: Record<string, string | number | undefined> = { limit: PAGE_LIMIT, cursor: cursor ?? undefined };
      const page: { data: { name: string }[]; next_cursor: string | null } = await this.#session.json({
        method: 'GET',
        path: '/v1/granted-credentials',
        query,
      });
      names.push(...page.data.map(({ name }) => name));
      if (page.next_cursor === null) return names;
      cursor = page.next_cursor;
    }
  }

  /** Who the server takes this agent for. */
  async whoami(): Promise<Identity> {
    return this.#session.json<Identity>({ method: 'GET', path: '/v1/whoami' });
  }

  /**
   * Asks people for the use of a credential, whether there is one of this name or not. They see the reason; what they say
   * is to be had from {@link approval}.
   * @throws ChanceryError `too_many_approvals`, `invalid_request`
   */
  async requestAccess(credential: string, reason: string): Promise<Approval> {
    return this.#session.json<Approval>({
      method: 'POST',
      path: '/v1/access-requests',
      json: { credential_name: credential, reason },
      headers: { 'idempotency-key': crypto.randomUUID() },
    });
  }

  /** What a person has said about one use. @throws ChanceryError `not_found` for one of another agent */
  async approval(id: string): Promise<Approval> {
    return readApproval(this.#session, id);
  }

  /**
   * Asks until a person has approved; then the same request may be sent again with this approval's id, once.
   * @throws ChanceryError `approval_refused`, `approval_expired`, `approval_used`, or `approval_pending` when the wait
   * is over
   */
  async waitForApproval(id: string, wait: ApprovalWait): Promise<Approval> {
    return waitForApproval(this.#session, await this.approval(id), wait);
  }

  /** Ends the session at the server: an agent may have only so many at once. Throws nothing. */
  async close(): Promise<void> {
    await this.#session.end();
    await this.#http?.close();
  }
}
