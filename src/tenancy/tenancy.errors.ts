import { ProblemError } from '../platform/http/problem.js';

const CHALLENGE = { 'WWW-Authenticate': 'Bearer realm="chancery", DPoP algs="Ed25519 EdDSA ES256"' };

export const unauthenticated = (): ProblemError =>
  new ProblemError({
    code: 'unauthenticated',
    status: 401,
    title: 'Not signed in',
    detail:
      'Send a service key or a session as "Authorization: Bearer …", or an agent token as "Authorization: DPoP …" with its proof.',
    headers: CHALLENGE,
  });

export const forbidden = (): ProblemError =>
  new ProblemError({ code: 'forbidden', status: 403, title: 'Not allowed for this role' });

export const humanRequired = (): ProblemError =>
  new ProblemError({
    code: 'human_required',
    status: 403,
    title: 'Only a person may do this',
    detail: 'Sign in with POST /v1/login (chancery login); no key of any kind can do it.',
  });

export const factorStale = (): ProblemError =>
  new ProblemError({
    code: 'factor_stale',
    status: 403,
    title: 'The second factor is too old',
    detail: 'Show it again with POST /v1/login/factor, then repeat the request within five minutes.',
  });

export const loginFailed = (): ProblemError =>
  new ProblemError({
    code: 'login_failed',
    status: 401,
    title: 'Sign-in failed',
    detail: 'Tenant, e-mail, password and code do not fit together, or the code was used already.',
  });

export const tooManyAttempts = (retryAfterSeconds: number): ProblemError =>
  new ProblemError({
    code: 'too_many_attempts',
    status: 429,
    title: 'Too many attempts',
    detail: `Wait ${retryAfterSeconds} seconds before the next one.`,
    headers: { 'Retry-After': String(retryAfterSeconds) },
  });

export const nameTaken = (what: string): ProblemError =>
  new ProblemError({ code: 'name_taken', status: 409, title: `This ${what} is taken already` });

export const lastOwner = (): ProblemError =>
  new ProblemError({
    code: 'last_owner',
    status: 409,
    title: 'A tenant keeps at least one owner',
    detail: 'Add another owner first.',
  });
