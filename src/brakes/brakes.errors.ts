import { ProblemError } from '../platform/http/problem.js';

export const scopeNotHere = (): ProblemError =>
  new ProblemError({
    code: 'forbidden',
    status: 403,
    title: 'Not allowed for this role',
    detail:
      'The global brake is the operator’s and stands on the ops surface; tenant, agent and credential brakes are a tenant’s.',
  });

export const confirmationMissing = (): ProblemError =>
  new ProblemError({
    code: 'confirmation_required',
    status: 400,
    title: 'Confirm that the global brake is to be cleared',
    detail: 'Send "confirm": "clear the global brake".',
  });
