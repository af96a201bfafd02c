/** The longest a server lets an upstream take. */
export const EXECUTE_TIMEOUT_MS_MAX = 120_000;

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
  /** `apr_…`: a person's approval of exactly this request. */
  approval_id?: string | undefined;
};

/** What the server answers with 202, in `problem` of the error `approval_pending`. */
export type PendingApprovalAnswer = {
  approval: { id: string; state: 'pending'; expires_at: string };
  audit: { seq: number; hash: string };
};

/** The longest a server holds a call for a person, in seconds. */
export const APPROVAL_WAIT_SECONDS_MAX = 60;

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
