import { ProblemError } from '../platform/http/problem.js';
import type { OutboundErrorCode } from '../platform/outbound/outbound-error.js';
import type { EntryRef } from '../tenancy/acts.js';
import type { Denial, DenialCode } from './decide.js';
import type { Refusal } from './refusal.js';

const DENIALS: Record<DenialCode, { status: number; title: string; detail: string; retryAfterSeconds?: number }> = {
  brake_active: {
    status: 403,
    title: 'An emergency brake is on',
    detail: 'A person has to clear it before this works again.',
  },
  credential_not_found: {
    status: 404,
    title: 'No such credential',
    detail: 'There is no credential of this name, or it is not granted to you.',
  },
  tier_too_low: {
    status: 403,
    title: 'Your trust tier is too low for this credential',
    detail: 'A person can promote the agent, or lower what the credential asks for.',
  },
  vault_sealed: {
    status: 503,
    title: 'The vault is sealed',
    detail: 'Nothing can be decrypted until a person unseals it.',
  },
  // Never says which domains are allowed (ATTACKS 35).
  domain_not_allowed: {
    status: 403,
    title: 'This credential may not be sent there',
    detail: 'The credential was not decrypted. Whoever administers it decides where it may go.',
  },
  // Nor which methods, paths and places are.
  request_method_not_allowed: {
    status: 403,
    title: 'This credential may not be used with this method',
    detail: 'The credential was not decrypted. Whoever administers it decides which methods it may be used with.',
  },
  path_not_allowed: {
    status: 403,
    title: 'This credential may not be sent to this path',
    detail: 'The credential was not decrypted. Whoever administers it decides which paths it may be sent to.',
  },
  placement_not_allowed: {
    status: 403,
    title: 'This credential may not stand in this place',
    detail: 'The credential was not decrypted. Whoever administers it decides where in a request it may stand.',
  },
  placeholder_missing: {
    status: 400,
    title: 'The request says nowhere where the credential goes',
    detail:
      'Put {{CREDENTIAL}} into a header value, the path, a query value or the body. The credential has no default injection.',
  },
  template_refused: { status: 400, title: 'The template is refused', detail: 'It does not fit the credential.' },
  not_found: { status: 404, title: 'Not found', detail: 'You have asked for no such approval.' },
  approval_refused: {
    status: 403,
    title: 'A person refused this request',
    detail: 'The credential was not decrypted. Another request can be asked for.',
  },
  approval_expired: {
    status: 403,
    title: 'The approval’s time is up',
    detail: 'Send the request without approval_id to ask anew.',
  },
  approval_used: {
    status: 403,
    title: 'This approval was used already',
    detail: 'One approval is one use. Send the request without approval_id to ask for another.',
  },
  approval_mismatch: {
    status: 403,
    title: 'This is not the request that was approved',
    detail: 'The request, the credential or its version differ from what a person saw. The approval was not used.',
  },
  too_many_approvals: {
    status: 429,
    title: 'Too many requests of this agent wait for a person',
    detail: 'Nothing was sent. They end by being approved, refused, or after a day.',
    retryAfterSeconds: 60,
  },
  limit_reached: {
    status: 429,
    title: 'A limit on the use of credentials is reached',
    detail: 'Nothing was sent. Ask again after Retry-After.',
  },
};

/** A denial names the audit entry it left. */
export function denied({ code, brakeScope, detail, over }: Denial, ref: EntryRef): ProblemError {
  const scope = brakeScope === undefined ? {} : { scope: brakeScope };
  const limit = over === undefined ? {} : { limit: over.limit };
  const { status, title, detail: general } = DENIALS[code];
  const spec = { status, title, detail: detail ?? general };
  const retryAfter = over?.retryAfterSeconds ?? DENIALS[code].retryAfterSeconds;
  const headers = retryAfter === undefined ? {} : { headers: { 'Retry-After': String(retryAfter) } };
  const extra = { audit: { seq: ref.seq, hash: ref.hash }, ...scope, ...limit };
  return new ProblemError({ code, ...spec, ...headers, extra });
}

export function refused(refusal: Refusal): ProblemError {
  const title = {
    url_refused: 'The URL is refused',
    template_refused: 'The template is refused',
    payload_too_large: 'The request is too large',
  }[refusal.code];
  const status = refusal.code === 'payload_too_large' ? 413 : 400;
  return new ProblemError({ code: refusal.code, status, title, detail: refusal.detail });
}

const UPSTREAM: Partial<Record<OutboundErrorCode, { status: number; title: string }>> = {
  upstream_address_refused: { status: 403, title: 'The host resolves to an address that may not be dialled' },
  upstream_timeout: { status: 504, title: 'The upstream did not answer in time' },
  over_capacity: { status: 503, title: 'Over capacity' },
};

/** What went wrong on the way to the upstream, in a code of ours and nothing of the request (ATTACKS 33). */
export function upstreamFailed(
  code: Exclude<OutboundErrorCode, 'aborted'>,
  meaning: string,
  ref: EntryRef,
): ProblemError {
  const { status, title } = UPSTREAM[code] ?? { status: 502, title: 'The call to the upstream failed' };
  return new ProblemError({
    code,
    status,
    title,
    detail: `${meaning[0]?.toUpperCase()}${meaning.slice(1)}.`,
    extra: { audit: { seq: ref.seq, hash: ref.hash } },
    ...(code === 'over_capacity' ? { headers: { 'Retry-After': '1' } } : {}),
  });
}

export const callCut = (reason: string, ref: EntryRef | null): ProblemError =>
  new ProblemError({
    code: 'call_cut',
    status: 503,
    title: 'The call was cut while it was under way',
    detail: `Reason: ${reason}. Whether the upstream acted on it is not known.`,
    ...(ref === null ? {} : { extra: { audit: { seq: ref.seq, hash: ref.hash } } }),
  });

const DPOP_CHALLENGE = 'algs="Ed25519 EdDSA ES256"';

export const proofUsed = (): ProblemError =>
  new ProblemError({
    code: 'invalid_dpop_proof',
    status: 401,
    title: 'The proof was used already',
    detail: 'Make a fresh DPoP proof, with a new jti, for every request.',
    headers: { 'WWW-Authenticate': `DPoP error="invalid_dpop_proof", ${DPOP_CHALLENGE}` },
  });

export const sessionEnded = (): ProblemError =>
  new ProblemError({
    code: 'invalid_token',
    status: 401,
    title: 'The session has ended',
    detail: 'Ask for a new token at POST /oauth/token.',
    headers: { 'WWW-Authenticate': `DPoP error="invalid_token", ${DPOP_CHALLENGE}` },
  });
