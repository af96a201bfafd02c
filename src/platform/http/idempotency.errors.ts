import { ProblemError } from './problem.js';

export const idempotencyInProgress = () =>
  new ProblemError({
    code: 'idempotency_in_progress',
    status: 409,
    title: 'A request with this Idempotency-Key is still at work',
    headers: { 'Retry-After': '1' },
  });

export const idempotencyMismatch = () =>
  new ProblemError({
    code: 'idempotency_mismatch',
    status: 422,
    title: 'This Idempotency-Key was used for another request',
  });
