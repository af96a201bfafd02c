import { HttpException } from '@nestjs/common';
import {
  headersTooLarge,
  internalError,
  malformedRequest,
  methodNotAllowed,
  notFound,
  payloadTooLarge,
  requestTimeout,
  targetTooLong,
  unsupportedMediaType,
} from './http.errors.js';
import { ProblemError } from './problem.js';

/** Fastify's codes for what a client can get wrong. */
const byFastifyCode: Readonly<Record<string, () => ProblemError>> = {
  FST_ERR_BAD_URL: () => malformedRequest('The path is not valid percent-encoding.'),
  // No resource has a name this long.
  FST_ERR_MAX_PARAM_LENGTH: notFound,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => malformedRequest('The body is not as long as Content-Length says.'),
};

const byStatus: Readonly<Record<number, () => ProblemError>> = {
  404: notFound,
  405: () => methodNotAllowed([]),
  408: requestTimeout,
  413: () => payloadTooLarge(),
  414: targetTooLong,
  415: () => unsupportedMediaType('application/json'),
  431: headersTooLarge,
};

/**
 * What the client is told about anything that was thrown. The messages of others never reach it, and a `statusCode` or
 * `code` is believed of Fastify's and Nest's own errors only: those of a database or an upstream are not the client's.
 */
export function problemOf(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof HttpException) return problemOfStatus(error.getStatus(), error);
  if (!(error instanceof Error) || error.name !== 'FastifyError') return internalError(error);
  const { code = '', statusCode = 500 } = error as { code?: string; statusCode?: number };
  return byFastifyCode[code]?.() ?? problemOfStatus(statusCode, error);
}

/** For `clientError`: what Node's parser refused before there was a request. */
export function problemOfClientError(error: { code?: string | undefined }): ProblemError {
  if (error.code === 'HPE_HEADER_OVERFLOW') return headersTooLarge();
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return requestTimeout();
  return malformedRequest('This is not HTTP/1.1 as RFC 9112 has it.');
}

function problemOfStatus(status: number, error: unknown): ProblemError {
  const known = byStatus[status];
  if (known) return known();
  return status >= 400 && status < 500 ? malformedRequest('The request could not be read.') : internalError(error);
}
