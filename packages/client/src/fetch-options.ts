/** How the calls of one {@link Chancery.fetch} are made. */
export type FetchOptions = {
  /** Why, in the agent's words; it stands in the audit log. A request's own `Chancery-Purpose` header goes first. */
  purpose?: string | undefined;
  /** A version of the credential; default the current one. */
  version?: number | undefined;
  /** How long the upstream may take, in milliseconds; the server has a limit of its own. */
  timeoutMs?: number | undefined;
  /** `apr_…`: a person's approval of exactly this request, of a credential marked `approval: each_use`. */
  approvalId?: string | undefined;
  /**
   * How long to wait for that approval, in seconds. The request is sent again with it when a person approves. Without it,
   * and for a body that can be read only once, a use that has to wait is a refusal with the code `approval_pending`.
   */
  wait?: number | undefined;
  /**
   * Whether `{{CREDENTIAL}}` in a JSON body stands for the credential. Default false: bodies are often what somebody else
   * wrote, and a conversation that mentions the placeholder must not be sent with the key in it. In forms, headers, path
   * and query it always does.
   */
  placeholdersInJson?: boolean | undefined;
  /**
   * What a refusal by Chancery is: `throw` rejects with a ChanceryError; `answer` resolves with a Response of the
   * refusal's status, its problem document and `Chancery-Error`, which SDKs turn into their own status errors and, as it
   * says `x-should-retry: false`, do not ask again about. Default: `answer` for requests of SDKs that say by
   * `X-Stainless-Lang` that they obey this header (openai, @anthropic-ai/sdk), which would repeat whatever throws;
   * `throw` for everybody else.
   */
  refusals?: 'throw' | 'answer' | undefined;
};
