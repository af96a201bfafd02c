/** What a server said when it refused, or why it could not be asked. */
export type ChanceryErrorFields = {
  /** A code of Chancery (`docs/errors/`), an OAuth error, or one of {@link LocalCode}. */
  code: string;
  /** HTTP status; 0 when no answer arrived. */
  status: number;
  title?: string | undefined;
  detail?: string | undefined;
  requestId?: string | undefined;
  /** The whole problem document, for codes that carry more. */
  problem?: Readonly<Record<string, unknown>> | undefined;
};

/** Codes this client makes itself; no server sends them. */
export type LocalCode =
  'unreachable' | 'timeout' | 'tls_failed' | 'unexpected_answer' | 'answer_too_large' | 'insecure_url' | 'bad_url';

const UNREACHABLE_CODES = new Set(['unreachable', 'timeout', 'tls_failed']);

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

  constructor(fields: ChanceryErrorFields) {
    super(sentence(fields));
    this.name = 'ChanceryError';
    this.code = fields.code;
    this.status = fields.status;
    this.title = fields.title;
    this.detail = fields.detail;
    this.requestId = fields.requestId;
    this.problem = fields.problem;
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
