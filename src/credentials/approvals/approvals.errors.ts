import { ProblemError } from '../../platform/http/problem.js';
import type { ApprovalState } from './approval.js';

export const approvalNotPending = (state: ApprovalState): ProblemError =>
  new ProblemError({
    code: 'approval_not_pending',
    status: 409,
    title: 'This approval is decided already',
    detail: `It is ${state}. The agent can ask again.`,
    extra: { state },
  });

export const tooManyApprovals = (max: number): ProblemError =>
  new ProblemError({
    code: 'too_many_approvals',
    status: 429,
    title: 'Too many requests of this agent wait for a person',
    detail: `At most ${max} may wait at once. They end by being approved, refused, or after a day.`,
    headers: { 'Retry-After': '60' },
  });
