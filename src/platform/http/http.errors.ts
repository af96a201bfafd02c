import { ProblemError } from './problem.js';

/** What stands at which place and what is wrong with it, never what it was. */
export type Issue = { path: string; message: string };

export const notFound = () => new ProblemError({ code: 'not_found', status: 404, title: 'Not found' });

export const methodNotAllowed = (allow: readonly string[]) =>
  new ProblemError({
    code: 'method_not_allowed',
    status: 405,
    title: 'Method not allowed',
    headers: { Allow: allow.join(', ') },
  });

export const invalidRequest = (issues: readonly Issue[]) =>
  new ProblemError({ code: 'invalid_request', status: 400, title: 'The request is not valid', extra: { issues } });

export const malformedJson = (reason: string, at?: { line?: number; column?: number; position?: number }) =>
  new ProblemError({
    code: 'malformed_json',
    status: 400,
    title: 'The body is not the JSON we accept',
    detail: reason,
    ...(at && { extra: at }),
  });

export const malformedForm = (reason: string) =>
  new ProblemError({ code: 'malformed_form', status: 400, title: 'The form body is malformed', detail: reason });

export const malformedRequest = (reason: string) =>
  new ProblemError({ code: 'malformed_request', status: 400, title: 'The request is malformed', detail: reason });

export const payloadTooLarge = (limitBytes?: number) =>
  new ProblemError({
    code: 'payload_too_large',
    status: 413,
    title: 'The request body is too large',
    ...(limitBytes !== undefined && { extra: { limit_bytes: limitBytes } }),
  });

export const targetTooLong = () =>
  new ProblemError({ code: 'target_too_long', status: 414, title: 'The request target is too long' });

export const unsupportedMediaType = (accepted: string) =>
  new ProblemError({
    code: 'unsupported_media_type',
    status: 415,
    title: 'This media type is not accepted here',
    detail: `This route reads ${accepted}, in UTF-8 and without a content encoding.`,
    headers: { Accept: accepted },
  });

export const headersTooLarge = () =>
  new ProblemError({ code: 'headers_too_large', status: 431, title: 'The request headers are too large' });

export const requestTimeout = () =>
  new ProblemError({ code: 'request_timeout', status: 408, title: 'The request took too long to arrive' });

export const rateLimited = (retryAfterSeconds: number) =>
  new ProblemError({
    code: 'rate_limited',
    status: 429,
    title: 'Too many requests',
    headers: { 'Retry-After': String(retryAfterSeconds) },
    extra: { retry_after_seconds: retryAfterSeconds },
  });

export const internalError = (cause: unknown) =>
  new ProblemError(
    {
      code: 'internal_error',
      status: 500,
      title: 'Something went wrong on our side',
      detail: 'Nothing more is said here on purpose. Give the request_id to whoever runs this service.',
    },
    { cause },
  );
