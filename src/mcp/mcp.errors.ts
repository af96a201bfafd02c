import { ProblemError } from '../platform/http/problem.js';

export const originNotAllowed = (): ProblemError =>
  new ProblemError({
    code: 'origin_not_allowed',
    status: 403,
    title: 'A page of another origin may not call this',
    detail: 'Send no Origin header, or one of TENANT_ORIGINS.',
  });
