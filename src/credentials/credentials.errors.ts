import { ProblemError } from '../platform/http/problem.js';

export const credentialNotFound = (): ProblemError =>
  new ProblemError({
    code: 'credential_not_found',
    status: 404,
    title: 'No such credential',
    detail: 'There is no credential of this name, or it is not granted to you.',
  });

export const domainsRefused = (issues: readonly { path: string; message: string }[]): ProblemError =>
  new ProblemError({
    code: 'domain_pattern_refused',
    status: 400,
    title: 'The allowed domains cannot be stored',
    detail: 'Name hosts: api.example.com, or *.example.com for its subdomains.',
    extra: { issues },
  });

export const domainsRequired = (): ProblemError =>
  new ProblemError({
    code: 'domains_required',
    status: 400,
    title: 'A credential in production names its domains',
    detail: 'Send allowed_domains with at least one host. Without it an agent could send the credential anywhere.',
  });

export const cleartextRefused = (): ProblemError =>
  new ProblemError({
    code: 'cleartext_refused',
    status: 400,
    title: 'No cleartext in production',
    detail: 'A credential is sent over plain HTTP only in development.',
  });

export const secretTooShort = (bytes: number): ProblemError =>
  new ProblemError({
    code: 'secret_too_short',
    status: 400,
    title: 'The value is too short to be redacted from answers',
    detail: `Values under ${bytes} bytes are easily guessed, and redacting a guess would confirm it. Store it with "redact": false to accept that echoes are not removed.`,
  });

export const grantLimitReached = (tier: string, limit: number): ProblemError =>
  new ProblemError({
    code: 'grant_limit_reached',
    status: 409,
    title: 'The agent holds as many credentials as its tier allows',
    detail: `${tier} holds at most ${limit}. Revoke a grant, or promote the agent.`,
  });

export const changedMeanwhile = (): ProblemError =>
  new ProblemError({
    code: 'changed_meanwhile',
    status: 409,
    title: 'Somebody changed the credential at the same moment',
    detail: 'Nothing was done. Look at it again and repeat what is still wanted.',
  });
