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

export const secretTooShort = (bytes: number, field?: string): ProblemError =>
  new ProblemError({
    code: 'secret_too_short',
    status: 400,
    title: 'The value is too short to be redacted from answers',
    detail: [
      `${field === undefined ? 'Values' : `"${field}": values`} under ${bytes} bytes are easily guessed, and redacting a guess would confirm it.`,
      ...(field === undefined ? [] : ['If it is no secret (a user name), name it in "public_fields".']),
      'Store it with "redact": false to accept that echoes are not removed.',
    ].join(' '),
  });

export const bindingRefused = (issues: readonly { path: string; message: string }[]): ProblemError =>
  new ProblemError({
    code: 'binding_refused',
    status: 400,
    title: 'The binding cannot be stored',
    detail: 'Methods, path prefixes and private ranges are compared as they are written: each has one spelling.',
    extra: { issues },
  });

export const injectionRefused = (detail: string): ProblemError =>
  new ProblemError({ code: 'injection_refused', status: 400, title: 'The default injection cannot be used', detail });

export const fieldsMismatch = (names: readonly string[]): ProblemError =>
  new ProblemError({
    code: 'fields_mismatch',
    status: 409,
    title: 'A rotation replaces every field of a credential, and no other',
    detail:
      names.length === 0
        ? 'This credential is one value: send it as "value".'
        : `This credential has the fields ${names.join(', ')}: send exactly these in "fields".`,
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
