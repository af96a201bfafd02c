import { inspect } from 'node:util';
import { DialPolicy, type DialPolicyOptions } from '../../src/platform/outbound/dial-policy.js';
import { OutboundError } from '../../src/platform/outbound/outbound-error.js';
import type { OutboundOptions, OutboundRequest } from '../../src/platform/outbound/outbound-message.js';
import { Outbound, type OutboundParts } from '../../src/platform/outbound/outbound.js';
import { UPSTREAM_HOST, type Upstream } from './hostile-upstream.js';

/** Stands in every rendered request, so that a fault that quotes any of it is noticed. */
export const CANARY = 'sk-canary-4f8a1c2e9d';

const RESPONSE_BYTES_MAX = 4 * 1_048_576;

/** Doors whose development resolver leads to one upstream on loopback. */
export class OutboundDoors {
  readonly #open: Outbound[] = [];

  constructor(private readonly extraCa: string) {}

  to(
    upstream: Pick<Upstream, 'port'>,
    parts: Partial<OutboundParts> = {},
    policy: Partial<DialPolicyOptions> = {},
  ): Outbound {
    const resolve = new Map([[UPSTREAM_HOST, { address: '127.0.0.1', port: upstream.port }]]);
    const door = new Outbound({
      policy: new DialPolicy({ allowRanges: [], own: [], resolve, ...policy }),
      extraCa: this.extraCa,
      ...parts,
    });
    this.#open.push(door);
    return door;
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((door) => door.destroy()));
  }
}

export const request = (change: Partial<OutboundRequest> = {}): OutboundRequest => ({
  method: 'GET',
  scheme: 'https',
  host: UPSTREAM_HOST,
  port: 443,
  path: `/v1?key=${CANARY}`,
  headers: [['Authorization', `Bearer ${CANARY}`]],
  body: null,
  ...change,
});

export const options = (change: Partial<OutboundOptions> = {}): OutboundOptions => ({
  tenantId: 'tenant-1',
  signal: new AbortController().signal,
  timeoutMs: 60_000, // patience; a test of a deadline says its own
  maxResponseBytes: RESPONSE_BYTES_MAX,
  ...change,
});

/** The fault a call ended with, after checking that nothing of the request can be found in it. */
export async function failure(sending: Promise<unknown>): Promise<OutboundError> {
  const error: unknown = await sending.then(
    () => new Error('it was answered'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof OutboundError)) throw error;
  expect(inspect(error, { depth: null, showHidden: true })).not.toContain(CANARY);
  return error;
}

export const codeOf = async (sending: Promise<unknown>): Promise<string> => (await failure(sending)).code;
