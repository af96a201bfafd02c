import { LRUCache } from 'lru-cache';
import { Pool } from 'undici';
import { connectorFor, CONNECT_TIMEOUT_MS, type ConnectorParts } from './connector.js';
import type { DialPolicy } from './dial-policy.js';
import type { OutboundOptions, OutboundRequest } from './outbound-message.js';

const POOLS_MAX = 1_024;
const CONNECTIONS_PER_POOL_MAX = 64;
const RESPONSE_HEADER_BYTES_MAX = 65_536;
const IDLE_SOCKET_MS = 4_000;
const IDLE_SOCKET_MS_MAX = 60_000;

type Origin = Pick<OutboundRequest, 'scheme' | 'host' | 'port'>;

/** Whose calls share connections: those of a tenant that may be dialled to the same addresses. */
export type Sharing = Pick<OutboundOptions, 'tenantId' | 'privateRanges'>;

/**
 * Kept-alive connections by tenant, origin and the private ranges that may be dialled. Nothing of a connection, its TLS session
 * included, serves two tenants, nor calls to which its address would have been refused.
 */
export class Pools {
  readonly #pools: LRUCache<string, Pool>;

  constructor(private readonly parts: ConnectorParts & { readonly policy: DialPolicy }) {
    this.#pools = new LRUCache({
      max: POOLS_MAX,
      dispose: (pool, _key, why) => void (why === 'evict' && pool.close()),
    });
  }

  for({ tenantId, privateRanges }: Sharing, { scheme, host, port }: Origin): Pool {
    const origin = `${scheme}://${host}:${port}`;
    const key = [tenantId, origin, ...(privateRanges === undefined ? [] : ['within', ...privateRanges])].join(' ');
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const { policy } = this.parts;
    const permitted = privateRanges === undefined ? policy : policy.within(privateRanges);
    const pool = new Pool(origin, {
      connect: connectorFor(host, port, { ...this.parts, policy: permitted }),
      connections: CONNECTIONS_PER_POOL_MAX,
      pipelining: 1,
      keepAliveTimeout: IDLE_SOCKET_MS,
      keepAliveMaxTimeout: IDLE_SOCKET_MS_MAX,
      maxHeaderSize: RESPONSE_HEADER_BYTES_MAX,
      // The call's own deadline covers both; undici's clocks would only answer in other words.
      headersTimeout: 0,
      bodyTimeout: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
    });
    this.#pools.set(key, pool);
    return pool;
  }

  async destroy(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
}
