/** RFC 6749 section 5.2, RFC 8628 section 3.5, RFC 9396 section 5, RFC 9449 sections 5 and 8. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'authorization_pending'
  | 'slow_down'
  | 'access_denied'
  | 'invalid_authorization_details'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce';

/** What the token endpoint refuses with: OAuth clients read this format, not problem documents. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  constructor(
    readonly code: OAuthErrorCode,
    /** `error_description`: RFC 6749 allows neither quotation marks nor backslashes in it. */
    readonly description: string,
    readonly status: 400 | 401 = 400,
    readonly headers: Readonly<Record<string, string>> = {},
    /** Further members of the answer. */
    readonly extra: Readonly<Record<string, number>> = {},
  ) {
    super(`${code}: ${description}`);
  }
}

/** 401 with a challenge for a client that used the Authorization header, 400 otherwise (RFC 6749 section 5.2). */
export const invalidClient = (byHeader: boolean) =>
  byHeader
    ? new OAuthError('invalid_client', CLIENT_UNKNOWN, 401, { 'WWW-Authenticate': 'Basic realm="chancery"' })
    : new OAuthError('invalid_client', CLIENT_UNKNOWN);

/** RFC 8628 section 3.5: go on asking, but not more often than every `interval` seconds. */
export function sessionPending(tooSoon: boolean, interval: number): OAuthError {
  const headers = { 'Retry-After': String(interval) };
  return tooSoon
    ? new OAuthError('slow_down', 'A person has not decided yet. Ask less often.', 400, headers, { interval })
    : new OAuthError('authorization_pending', PENDING, 400, headers, { interval });
}

const PENDING = 'A person must approve this session. Ask again with the same DPoP key.';
const CLIENT_UNKNOWN = 'Agent id and API key do not fit together, or the key was replaced.';
