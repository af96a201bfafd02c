/** One kind of failure a feature may answer with. Features list theirs in `<feature>.errors.ts`. */
export type ProblemSpec<C extends string = string> = Readonly<{
  code: C;
  status: number;
  title: string;
  /** For this one occurrence. Never a value the client sent, never a secret. */
  detail?: string;
  /** Asks for one thing more: nothing has failed, and nobody has tried anything. */
  isChallenge?: boolean;
  headers?: Readonly<Record<string, string>>;
  /** Further members of the problem document. */
  extra?: Readonly<Record<string, unknown>>;
}>;

/** An error that says what the client is told (RFC 9457). Everything else that is thrown becomes `internal_error`. */
export class ProblemError<C extends string = string> extends Error {
  override readonly name = 'ProblemError';
  constructor(
    readonly spec: ProblemSpec<C>,
    options?: ErrorOptions,
  ) {
    super(`${spec.code}: ${spec.detail ?? spec.title}`, options);
  }
}

/** https://www.rfc-editor.org/rfc/rfc9457#name-members-of-a-problem-detail */
export type ProblemDocument = {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code: string;
  request_id: string;
  [extra: string]: unknown;
};

/** On every failure of ours, and on no answer of an upstream that is passed through: which of the two it is. */
export const ERROR_HEADER = 'Chancery-Error';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

export function problemDocument({ spec }: ProblemError, requestId: string): ProblemDocument {
  const { code, status, title, detail, extra } = spec;
  return {
    ...extra,
    type: `/errors/${code}`,
    title,
    status,
    ...(detail !== undefined && { detail }),
    code,
    request_id: requestId,
  };
}
