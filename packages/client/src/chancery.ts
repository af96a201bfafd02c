import { AgentSession } from './agent-session.js';
import { HttpClient } from './http.js';

/** The longest a server lets an upstream take. */
export const EXECUTE_TIMEOUT_MS_MAX = 120_000;
const EXECUTE_GRACE_MS = 10_000;

/** The call an agent wants made; `{{CREDENTIAL}}` stands where the credential goes. */
export type RequestTemplate = {
  method: string;
  url: string;
  headers?: Record<string, string> | undefined;
  query?: Record<string, string> | undefined;
  body?: string | Record<string, unknown> | unknown[] | undefined;
  body_base64?: string | undefined;
};

export type ExecuteInput = {
  /** Why, in the agent's words; it stands in the audit log. */
  purpose: string;
  request: RequestTemplate;
  /** How long the upstream may take. */
  timeout_ms?: number | undefined;
  /** A version of the credential; default the current one. */
  version?: number | undefined;
};

/** The upstream's answer without the credential, and where the use stands in the audit chain. */
export type ExecuteAnswer = {
  status: number;
  headers: Record<string, string | string[]>;
  body?: string;
  body_base64?: string;
  duration_ms: number;
  redactions: number;
  audit: { seq: number; hash: string };
};

export type ConnectOptions = {
  /** The tenant surface, e.g. `https://api.chancery.example`. */
  url: string;
  agentId: string;
  apiKey: string;
  /** PEM of a private CA. */
  extraCa?: string | undefined;
  allowCleartext?: boolean | undefined;
};

/**
 * An agent's door to the credentials it was granted.
 *
 * ```ts
 * const chancery = await Chancery.connect({ url, agentId, apiKey });
 * const answer = await chancery.execute('openai_key', {
 *   purpose: 'list the models',
 *   request: { method: 'GET', url: 'https://api.openai.com/v1/models', headers: { authorization: 'Bearer {{CREDENTIAL}}' } },
 * });
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
   * Makes a session key. The first call asks for a token, so a wrong key shows there.
   * @throws ChanceryError `bad_url`, `cleartext_refused`
   */
  static async connect(options: ConnectOptions): Promise<Chancery> {
    const { url, agentId, apiKey, extraCa, allowCleartext } = options;
    const http = new HttpClient({ baseUrl: url, extraCa, allowCleartext });
    return new Chancery(new AgentSession({ http, agentId, apiKey }), http);
  }

  /**
   * Has a call made with a credential this agent can never see. Never repeated after the upstream may have been asked.
   * `signal` gives the call up, which also ends the upstream's.
   * @throws ChanceryError with the server's code: `brake_active`, `credential_not_found`, `tier_too_low`,
   * `vault_sealed`, `domain_not_allowed`, `url_refused`, `upstream_…`
   */
  async execute(
    credential: string,
    input: ExecuteInput,
    options: { signal?: AbortSignal } = {},
  ): Promise<ExecuteAnswer> {
    return this.#session.json<ExecuteAnswer>({
      method: 'POST',
      path: `/v1/credentials/${encodeURIComponent(credential)}/execute`,
      json: input,
      signal: options.signal,
      timeoutMs: (input.timeout_ms ?? EXECUTE_TIMEOUT_MS_MAX) + EXECUTE_GRACE_MS,
    });
  }

  /** Ends the session and closes the connections. */
  async close(): Promise<void> {
    await this.#session.end();
    await this.#http?.close();
  }
}
