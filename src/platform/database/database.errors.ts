import { ProblemError } from '../http/problem.js';

const RETRY_AFTER_SECONDS = '1';

export const overCapacity = (detail: string): ProblemError =>
  new ProblemError({
    code: 'over_capacity',
    status: 503,
    title: 'Over capacity',
    detail,
    headers: { 'Retry-After': RETRY_AFTER_SECONDS },
  });

export const databaseUnavailable = (): ProblemError =>
  new ProblemError({
    code: 'database_unavailable',
    status: 503,
    title: 'The database cannot be reached',
    detail: 'Nothing was done. Try again shortly.',
    headers: { 'Retry-After': RETRY_AFTER_SECONDS },
  });

/** The connection broke while a commit was on its way: only a look at the data tells whether it was done. */
export class OutcomeUnknownError extends ProblemError {
  constructor() {
    super({
      code: 'database_unavailable',
      status: 503,
      title: 'The database cannot be reached',
      detail: 'Whether this was done is not known. Look before you repeat it.',
      headers: { 'Retry-After': RETRY_AFTER_SECONDS },
    });
  }
}

/** The SQLSTATE of an error of pg, also behind drizzle's wrapper. */
export function sqlState(error: unknown): string | undefined {
  const own = (error as { code?: unknown }).code;
  // Node's own codes have no digit (EPIPE).
  if (typeof own === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(own)) return own;
  const cause = (error as { cause?: unknown }).cause;
  return cause === undefined || cause === null ? undefined : sqlState(cause);
}

/** The constraint an error names, also behind drizzle's wrapper. */
export function violatedConstraint(error: unknown): string | undefined {
  const own = (error as { constraint?: unknown }).constraint;
  if (typeof own === 'string') return own;
  const cause = (error as { cause?: unknown }).cause;
  return cause === undefined || cause === null ? undefined : violatedConstraint(cause);
}

const CONNECTION_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOENT', 'EHOSTUNREACH']);

/** True when the connection, not the statement, is what failed: whether the server did the work is then unknown. */
export function isConnectionFailure(error: unknown): boolean {
  const e = error as { code?: unknown; message?: unknown; cause?: unknown };
  const state = sqlState(error);
  if (state !== undefined) return state.startsWith('08') || state.startsWith('57P') || state === '53300';
  if (typeof e.code === 'string' && CONNECTION_CODES.has(e.code)) return true;
  if (
    typeof e.message === 'string' &&
    /Connection terminated|not queryable|timeout expired|Query read timeout|Client was closed/i.test(e.message)
  )
    return true;
  return e.cause !== undefined && e.cause !== null && isConnectionFailure(e.cause);
}

/** Out of disk, memory or connections, an I/O error, or a statement that took too long: what it did was undone. */
const RESOURCE_STATES = /^(53|58)|^57014$/;

/** True when the server, not the statement, is what failed: the same request may well succeed later. */
export function isOutOfService(error: unknown): boolean {
  return RESOURCE_STATES.test(sqlState(error) ?? '') || isConnectionFailure(error);
}

/** For single statements outside a tenant's transaction. */
export async function orUnavailable<T>(statement: PromiseLike<T>): Promise<T> {
  try {
    return await statement;
  } catch (error) {
    throw isOutOfService(error) ? new OutcomeUnknownError() : error;
  }
}
