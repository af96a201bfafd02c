import { ChanceryError } from './errors.js';
import { textOf, type HttpAnswer } from './http-answer.js';

const TLS_CODE = /^(CERT_|ERR_TLS|ERR_SSL|EPROTO|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/;
const ISSUES_SHOWN = 5;
const CODE_FORM = /^[a-z][a-z0-9_]{0,63}$/;

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ConnectionRefused: 'nothing listens there',
  ENOTFOUND: 'the name does not resolve',
  EAI_AGAIN: 'the name does not resolve right now',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
};

/** What a failed exchange means. Only names the server: nothing of the request stands in the message. */
export function networkError(error: unknown, baseUrl: string, deadline: AbortSignal | undefined): ChanceryError {
  if (error instanceof ChanceryError) return error;
  const code = errorCode(error);
  if (deadline?.aborted || (code.startsWith('UND_ERR_') && code.endsWith('_TIMEOUT')) || code === 'ETIMEDOUT') {
    return new ChanceryError({ code: 'timeout', status: 0, detail: `${baseUrl} did not answer in time` });
  }
  if (TLS_CODE.test(code)) {
    return new ChanceryError({ code: 'tls_failed', status: 0, detail: `${baseUrl}: TLS failed (${code})` });
  }
  const reason = REASONS[code] ?? 'the request failed';
  return new ChanceryError({ code: 'unreachable', status: 0, detail: `${baseUrl} cannot be reached: ${reason}` });
}

/** The error in a non-2xx answer: a problem document (RFC 9457), an OAuth error (RFC 6749 5.2), or neither. */
export function problemError(answer: HttpAnswer): ChanceryError {
  const { status } = answer;
  const body = parseObject(textOf(answer));
  const text = (name: string) => asText(body?.[name]);
  const code = [text('code'), text('error')].find((value) => value !== undefined && CODE_FORM.test(value));
  if (!body || !code) {
    const detail = `the server answered ${status} without a problem document; is this the URL of Chancery?`;
    return new ChanceryError({ code: 'unexpected_answer', status, detail });
  }
  const detail = withIssues(text('detail') ?? text('error_description'), body.issues);
  return new ChanceryError({
    code,
    status,
    title: text('title'),
    detail,
    requestId: text('request_id'),
    problem: body,
  });
}

function withIssues(detail: string | undefined, issues: unknown): string | undefined {
  if (!Array.isArray(issues) || issues.length === 0) return detail;
  const parts = issues.slice(0, ISSUES_SHOWN).map((issue: { path?: unknown; message?: unknown }) => {
    const path = Array.isArray(issue.path) ? issue.path.join('.') : asText(issue.path);
    return [path, asText(issue.message)].filter(Boolean).join(': ');
  });
  return [detail?.replace(/\.$/, ''), parts.join('; ')].filter(Boolean).join(': ');
}

const asText = (value: unknown) => (typeof value === 'string' ? value : undefined);

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function errorCode(error: unknown): string {
  for (let at: unknown = error, depth = 0; at && depth < 5; at = (at as { cause?: unknown }).cause, depth += 1) {
    const { code, errors } = at as { code?: unknown; errors?: unknown[] };
    if (typeof code === 'string') return code;
    if (Array.isArray(errors) && errors[0]) return errorCode(errors[0]);
  }
  return '';
}
