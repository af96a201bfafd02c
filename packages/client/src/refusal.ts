import { ChanceryError, type Approval } from './errors.js';
import { problemError } from './http-failures.js';
import { answerJson, header, nothing, readAtMost } from './http.js';
import { plainHeaders, type HttpAnswer } from './http-answer.js';

const PROBLEM_BYTES_MAX = 1024 * 1024;
const STATUS_OF_PENDING = 403;
const STATUS_OF_FAILURE = 502;
/** About load, or an upstream that was not reached: nothing was decided, and asking again can help. */
const WORTH_RETRYING = new Set([
  'database_unavailable',
  'over_capacity',
  'rate_limited',
  'upstream_timeout',
  'upstream_unreachable',
]);

/** On every answer of an upstream, and on no other: an upstream's own `chancery-*` headers are removed. */
export const AUDIT_HEADER = 'chancery-audit';

/** The code when Chancery itself answered. */
export function refusalCode({ status, headers }: Response): string | undefined {
  const waits = status === 202 && !headers.has(AUDIT_HEADER);
  return headers.get('chancery-error') ?? (waits ? 'approval_pending' : undefined);
}

/** The refusal in an answer of Chancery's own. */
export async function refusalOf(answer: Response, baseUrl: string): Promise<ChanceryError> {
  const body = await readAtMost(answer.body ?? nothing(), PROBLEM_BYTES_MAX);
  const said = problemError({ status: answer.status, headers: plainHeaders(answer.headers), body });
  const code = refusalCode(answer) ?? said.code;
  const { status, title, detail, requestId, problem } = said;
  const wayOut = `${baseUrl}/errors/${code}`;
  const retryAfterMs = secondsIn(answer.headers.get('retry-after') ?? undefined);
  return new ChanceryError({ code, status, title, detail, requestId, problem, wayOut, retryAfterMs });
}

/** A 202 of Chancery's own, while its body is still coming. */
export async function pendingOf(answer: Response, baseUrl: string): Promise<ChanceryError> {
  const body = await readAtMost(answer.body ?? nothing(), PROBLEM_BYTES_MAX);
  return pendingAnswer({ status: answer.status, headers: plainHeaders(answer.headers), body }, baseUrl);
}

/** A use that a person has to approve first (`docs/errors/approval_pending.md`). */
export function pendingAnswer(answer: HttpAnswer, baseUrl: string): ChanceryError {
  const problem = answerJson<{ approval: Approval }>(answer);
  return new ChanceryError({
    code: 'approval_pending',
    status: answer.status,
    title: 'A person has to approve this use',
    detail: 'the call was not made',
    problem,
    wayOut: `${baseUrl}/errors/approval_pending`,
    retryAfterMs: secondsIn(header(answer.headers, 'retry-after')),
  });
}

/**
 * A refusal as the answer SDKs of OpenAI and Anthropic make their own errors of: `error.message`, `error.type` and
 * `error.code` stand where they read them. {@link ChanceryError.from} finds the refusal behind such an error again.
 */
export function answerOf(refusal: ChanceryError): Response {
  const { code, message, problem, requestId, retryAfterMs } = refusal;
  const status =
    refusal.status >= 400 ? refusal.status : refusal.status === 202 ? STATUS_OF_PENDING : STATUS_OF_FAILURE;
  const headers = new Headers({ 'content-type': 'application/problem+json', 'chancery-error': code });
  if (!WORTH_RETRYING.has(code)) headers.set('x-should-retry', 'false');
  if (retryAfterMs !== undefined) headers.set('retry-after', String(Math.ceil(retryAfterMs / 1000)));
  if (requestId !== undefined) headers.set('x-request-id', requestId);
  const error = { message, type: 'chancery', code, param: null };
  const answer = new Response(JSON.stringify({ ...problem, code, error }), { status, headers });
  refusal.keepBehind(answer.headers);
  return answer;
}

function secondsIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * 1000 : undefined;
}
