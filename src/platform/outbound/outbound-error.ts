export type OutboundErrorCode =
  | 'upstream_unreachable'
  | 'upstream_tls_failed'
  | 'upstream_address_refused'
  | 'upstream_timeout'
  | 'upstream_too_large'
  | 'upstream_protocol_error'
  | 'upstream_encoding_unsupported'
  | 'over_capacity'
  | 'aborted';

const MEANING: Record<OutboundErrorCode, string> = {
  upstream_unreachable: 'no connection to the upstream could be made',
  upstream_tls_failed: 'the upstream did not prove who it is over TLS',
  upstream_address_refused: 'the upstream resolves to an address that may not be dialled',
  upstream_timeout: 'the upstream took longer than the call may take',
  upstream_too_large: 'the answer is larger than the call may receive',
  upstream_protocol_error: 'the upstream broke off or did not speak HTTP',
  upstream_encoding_unsupported: 'the answer is coded in a way that cannot be read',
  over_capacity: 'too many calls are under way',
  aborted: 'the call was ended from outside',
};

/** Fault codes of Node, OpenSSL and undici look like this; anything else could quote the request and is dropped. */
const PLATFORM_CODE = /^[A-Z][A-Z0-9_]{2,63}$/;

/**
 * All that leaves this folder when a call fails. It carries no cause: causes of HTTP clients hold sockets, buffers and URLs,
 * and the rendered request holds the secret. `reason` is a platform fault code such as `CERT_HAS_EXPIRED`.
 */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  readonly reason: string | null;

  constructor(
    readonly code: OutboundErrorCode,
    reason?: string,
  ) {
    super(MEANING[code]);
    this.reason = reason !== undefined && PLATFORM_CODE.test(reason) ? reason : null;
  }
}

const TLS_CODE =
  /^(?:ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO$|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)/;
const TIMEOUT_CODE = /^(?:ETIMEDOUT|UND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT)$/;
const TOO_LARGE_CODE = /^(?:UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_EXCEEDED_MAX_SIZE)$/;

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** A fault before the request was sent: nothing of it can have reached the upstream. */
export function fromConnectFault(error: unknown): OutboundError {
  if (error instanceof OutboundError) return error;
  const code = codeOf(error);
  if (TLS_CODE.test(code)) return new OutboundError('upstream_tls_failed', code);
  if (TIMEOUT_CODE.test(code)) return new OutboundError('upstream_timeout', code);
  return new OutboundError('upstream_unreachable', code);
}

/** A fault after the connection stood: the upstream may have acted on the request, so it is not called unreachable. */
export function fromExchangeFault(error: unknown): OutboundError {
  if (error instanceof OutboundError) return error;
  const code = codeOf(error);
  if (TIMEOUT_CODE.test(code)) return new OutboundError('upstream_timeout', code);
  if (TOO_LARGE_CODE.test(code)) return new OutboundError('upstream_too_large', code);
  return new OutboundError('upstream_protocol_error', code);
}
