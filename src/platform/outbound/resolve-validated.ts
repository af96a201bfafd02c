import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { DialPolicy } from './dial-policy.js';
import { fromConnectFault, OutboundError } from './outbound-error.js';

export type ResolvedAddress = { readonly address: string; readonly family: number };

/** Every address a name has. Injected, so that tests can be a hostile resolver. */
export type Lookup = (host: string) => Promise<readonly ResolvedAddress[]>;

/** A name with more addresses than this is not one we want to check and try one by one. */
const ADDRESSES_MAX = 32;

/** The system's resolver, so that a deployment's own hosts file and search order hold. */
export const lookupAll: Lookup = (host) => systemLookup(host, { all: true, order: 'verbatim' });

/**
 * The addresses of `host`, all of them allowed to be dialled on `port`, or an error. One bad answer among good ones refuses
 * all: whoever answers so is either confused or hostile. The caller dials what is returned, and asks nobody again.
 */
export async function resolveValidated(
  host: string,
  port: number,
  policy: DialPolicy,
  lookup: Lookup,
): Promise<ResolvedAddress[]> {
  const override = policy.overrideFor(host);
  if (override !== undefined) {
    if (!policy.permitsOverride(override)) throw new OutboundError('upstream_address_refused');
    return [{ address: override.address, family: isIP(override.address) }];
  }
  const answers = await lookup(host).catch((error: unknown) => {
    throw fromConnectFault(error);
  });
  if (answers.length === 0) throw new OutboundError('upstream_unreachable');
  if (answers.length > ADDRESSES_MAX) throw new OutboundError('upstream_address_refused');
  if (!answers.every(({ address }) => policy.permits(address, port)))
    throw new OutboundError('upstream_address_refused');
  return answers.map(({ address }) => ({ address, family: isIP(address) }));
}
