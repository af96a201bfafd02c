import type { LookupFunction, Socket } from 'node:net';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { callbackify } from 'node:util';
import { buildConnector } from 'undici';
import type { PermittedAddresses } from './dial-policy.js';
import { isHostname } from './hostname.js';
import { fromConnectFault, OutboundError } from './outbound-error.js';
import { resolveValidated, type Lookup } from './resolve-validated.js';

export const CONNECT_TIMEOUT_MS = 10_000;

/** Between tries of the addresses of one name (RFC 8305, 5). */
const NEXT_ADDRESS_AFTER_MS = 250;

/**
 * Trust for every TLS connection: what Node trusts, which an operator extends with NODE_EXTRA_CA_CERTS, and in development the
 * roots Node ships and one authority more.
 */
export function trustedRoots(extraCa: string | undefined): SecureContext {
  const minVersion = 'TLSv1.2';
  return extraCa === undefined
    ? createSecureContext({ minVersion })
    : createSecureContext({ minVersion, ca: [...rootCertificates, extraCa] });
}

export type ConnectorParts = {
  readonly policy: PermittedAddresses;
  readonly lookup: Lookup;
  readonly secureContext: SecureContext;
};

/**
 * Opens sockets for one host and port. The look-up runs inside the dial and its validated answer is what is dialled, so nothing
 * can change between the check and the dial; the address of the open socket is checked once more. The name stays the one that
 * was checked: it is sent as SNI and the certificate must be for it, whatever the environment says about verification.
 */
export function connectorFor(
  host: string,
  port: number,
  { policy, lookup, secureContext }: ConnectorParts,
): buildConnector.connector {
  const override = policy.overrideFor(host);
  const addresses = callbackify(() => resolveValidated(host, port, policy, lookup));
  const validated: LookupFunction = (_host, _options, done) => addresses((error, found) => done(error, found ?? []));
  const connect = buildConnector({
    secureContext,
    rejectUnauthorized: true,
    timeout: CONNECT_TIMEOUT_MS,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER_MS,
    lookup: validated,
  });

  return (options, callback) => {
    if (!isHostname(host) || options.hostname !== host)
      return callback(new OutboundError('upstream_address_refused'), null);
    const dial = { ...options, servername: host, port: String(override?.port ?? port) };
    return connect(dial, (error, socket) => {
      if (error !== null) return callback(fromConnectFault(error), null);
      const fault = faultOf(socket);
      if (fault === null) return callback(null, socket);
      socket.destroy();
      return callback(fault, null);
    });
  };

  function faultOf({ remoteAddress }: Socket): OutboundError | null {
    if (remoteAddress === undefined) return new OutboundError('upstream_unreachable');
    const isPermitted =
      override === undefined
        ? policy.permits(remoteAddress, port)
        : policy.permitsOverride({ address: remoteAddress, port: override.port });
    return isPermitted ? null : new OutboundError('upstream_address_refused');
  }
}
