import { lookup as systemLookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { PermittedAddresses } from './dial-policy.js';
import { fromConnectFault, OutboundError } from './outbound-error.js';

export type ResolvedAddress = { readonly address: string; readonly family: number };

/** Every address a name has. Injected, so that tests can be a hostile resolver. */
export type Lookup = (host: string) => Promise<readonly ResolvedAddress[]>;

/** A name with more addresses than this is not one we want to check and try one by one. */
const ADDRESSES_MAX = 32;

/** The system's resolver, so that a deployment's own hosts file and search order hold. */
export const lookupAll: Lookup = (host) => systemLookup(host, { all: true, order: 'verbatim' });

/** A name server's silence, twice, must end well before the call does. */
const NAME_SERVER_TIMEOUT_MS = 1_000;
const NAME_SERVER_TRIES = 2;

/** Asks the given name servers, and nothing of the system: no hosts file, no search order. */
export function lookupAt(servers: readonly string[]): Lookup {
  const resolver = new Resolver({ timeout: NAME_SERVER_TIMEOUT_MS, tries: NAME_SERVER_TRIES });
  resolver.setServers(servers);
  return async (host) => {
    const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    // One family may be missing; an answer that was lost must not hide what it would have said.
    for (const answer of [four, six])
      if (answer.status === 'rejected' && !isNoAnswer(answer.reason)) throw answer.reason;
    const found = (answer: PromiseSettledResult<string[]>, family: number): ResolvedAddress[] =>
      answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family })) : [];
    return [...found(four, 4), ...found(six, 6)];
  };
}

const isNoAnswer = (error: unknown): boolean => ['ENODATA', 'ENOTFOUND'].includes((error as { code: string }).code);

/**
 * The addresses of `host`, all of them allowed to be dialled on `port`, or an error. One bad answer among good ones refuses
 * all: whoever answers so is either confused or hostile. The caller dials what is returned, and asks nobody again.
 */
export async function resolveValidated(
  host: string,
  port: number,
  policy: PermittedAddresses,
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
