/** Where a use, or its refusal, stands in the tenant's audit chain. */
export type AuditPosition = { seq: number; hash: string };

/** What a person decides about one use of a credential marked `approval: each_use`. */
export type Approval = {
  /** `apr_…` */
  id: string;
  state: 'pending' | 'approved' | 'refused' | 'expired' | 'used';
  /** ISO 8601. Whoever has not decided by then has refused. */
  expires_at?: string;
};

/** What a server said when it refused, or why it could not be asked. */
export type ChanceryErrorFields = {
  /** A code of Chancery (`docs/errors/`), an OAuth error (RFC 6749 section 5.2), or one of {@link LocalCode}. */
  code: string;
  /** HTTP status; 0 when no answer arrived. */
  status: number;
  title?: string | undefined;
  detail?: string | undefined;
  requestId?: string | undefined;
  /** The whole problem document (RFC 9457), for codes that carry more. */
  problem?: Readonly<Record<string, unknown>> | undefined;
  /** The page that says why and what to do. */
  wayOut?: string | undefined;
  /** When it may work again, in milliseconds from the answer. */
  retryAfterMs?: number | undefined;
  cause?: unknown;
};

/** Codes this client makes itself; no server sends them. */
export type LocalCode =
  | 'unreachable'
  | 'timeout'
  | 'tls_failed'
  | 'unexpected_answer'
  | 'answer_too_large'
  | 'insecure_url'
  | 'bad_url'
  | 'not_configured';

const UNREACHABLE_CODES = new Set(['unreachable', 'timeout', 'tls_failed']);
const CAUSES_MAX = 8;

/** Refusals that went through somebody else's error, by what of it that error keeps. */
const kept = new WeakMap<object, ChanceryError>();

/**
 * Every failure of this package is one of these. The message never holds a request body, a header or a key.
 */
export class ChanceryError extends Error {
  readonly code: string;
  readonly status: number;
  readonly title: string | undefined;
  readonly detail: string | undefined;
  readonly requestId: string | undefined;
  readonly problem: Readonly<Record<string, unknown>> | undefined;
  readonly wayOut: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(fields: ChanceryErrorFields) {
    super(sentence(fields), fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'ChanceryError';
    this.code = fields.code;
    this.status = fields.status;
    this.title = fields.title;
    this.detail = fields.detail;
    this.requestId = fields.requestId;
    this.problem = fields.problem;
    this.wayOut = fields.wayOut;
    this.retryAfterMs = fields.retryAfterMs;
  }

  /**
   * The ChanceryError in what an SDK threw: the error itself, one of its causes (`APIConnectionError`), or the refusal
   * behind a status error (`PermissionDeniedError`), which keeps the headers of the answer it was made from.
   */
  static from(error: unknown): ChanceryError | undefined {
    for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < CAUSES_MAX; depth += 1) {
      if (at instanceof ChanceryError) return at;
      const { headers, cause } = at as { headers?: unknown; cause?: unknown };
      const behind = typeof headers === 'object' && headers !== null ? kept.get(headers) : undefined;
      if (behind) return behind;
      at = cause;
    }
    return undefined;
  }

  /** @internal Has {@link from} find this error behind one that keeps `headers`. */
  keepBehind(headers: Headers): void {
    kept.set(headers, this);
  }

  /** Where the refusal stands in the audit chain, when it left an entry. */
  get audit(): AuditPosition | undefined {
    const audit = this.problem?.audit as Partial<AuditPosition> | undefined;
    return typeof audit?.seq === 'number' && typeof audit.hash === 'string' ? (audit as AuditPosition) : undefined;
  }

  /** With `approval_pending`: what a person has to decide before the same request may be sent again. */
  get approval(): Approval | undefined {
    const approval = this.problem?.approval as Partial<Approval> | undefined;
    return typeof approval?.id === 'string' ? (approval as Approval) : undefined;
  }

  /** True when no server answered: nothing is known about the request's fate beyond that. */
  get unreachable(): boolean {
    return this.status === 0 && UNREACHABLE_CODES.has(this.code);
  }
}

/** What happened, then what the server says about it. */
function sentence({ title, detail, code }: ChanceryErrorFields): string {
  const parts = [title, detail].filter((part) => part !== undefined && part !== '');
  return parts.length === 0 ? code : parts.join(': ');
}
