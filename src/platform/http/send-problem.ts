import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../telemetry/logger.js';
import { acceptedType } from './body-parsers.js';
import { challengeOf } from './challenge.js';
import { unsupportedMediaType } from './http.errors.js';
import { ERROR_HEADER, PROBLEM_MEDIA_TYPE, problemDocument, type ProblemError } from './problem.js';
import { problemOf } from './problem-of.js';
import type { Refusals } from './refusals.js';

const UNAUTHORIZED = 401;

/** Who hears of failures besides the client. */
export type ProblemSinks = { readonly log: Log; readonly refusals: Refusals };

/** Answers with the problem document of whatever was thrown; says in the log, once, what the client is not told. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { log, refusals }: ProblemSinks,
): void {
  const problem = problemFor(error, request);
  refusals.note(problem.spec, request);
  const { status, headers = {} } = problem.spec;
  if (status >= 500 && !clientLeft(request)) {
    const level = status === 500 ? 'error' : 'warn';
    log[level]({ request_id: request.id, code: problem.spec.code, err: problem.cause ?? problem }, 'request failed');
  }
  if (reply.raw.headersSent) {
    // An answer that has begun cannot be taken back; cut it, so that nobody takes it for a whole one.
    reply.raw.destroy();
    return;
  }
  if (reply.sent) return;
  const body = JSON.stringify(problemDocument(problem, request.id));
  const challenge = status === UNAUTHORIZED ? challengeOf(request) : {};
  void reply
    .code(status)
    .headers({ ...challenge, ...headers, [ERROR_HEADER]: problem.spec.code })
    .type(PROBLEM_MEDIA_TYPE)
    .send(body);
}

function problemFor(error: unknown, request: FastifyRequest): ProblemError {
  const unread = (error as { code?: unknown } | null)?.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE';
  return unread ? unsupportedMediaType(acceptedType(request)) : problemOf(error);
}

/** A body that stopped half way is the client's doing; nobody reads the answer and nothing of ours is broken. */
const clientLeft = (request: FastifyRequest): boolean => request.raw.destroyed && !request.raw.complete;
