import { networkInterfaces } from 'node:os';
import { classifyAddress, inAny, parseAddress, parseRanges, sameAddress } from './address.js';

export type Endpoint = { readonly address: string; readonly port: number };

export type DialPolicyOptions = {
  /** CIDR ranges of private networks this deployment lets its tenants reach. */
  readonly allowRanges: readonly string[];
  /** Where Chancery itself (and what it depends on) listens. */
  readonly own: readonly Endpoint[];
  /** Development only: names that stand for a port on loopback. */
  readonly resolve: ReadonlyMap<string, Endpoint>;
};

const WILDCARD_ADDRESSES = new Set(['0.0.0.0', '::', '']);

const interfaceAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));

/** What a dial asks. */
export type PermittedAddresses = Pick<DialPolicy, 'permits' | 'overrideFor' | 'permitsOverride'>;

/** Which addresses may be dialled. One for the process, asked for every address of every answer of every look-up. */
export class DialPolicy {
  readonly #allowed: ReturnType<typeof parseRanges>;
  readonly #own: Endpoint[];
  readonly #resolve: ReadonlyMap<string, Endpoint>;

  constructor(
    options: DialPolicyOptions,
    private readonly localAddresses: () => readonly string[] = interfaceAddresses,
  ) {
    this.#allowed = parseRanges(options.allowRanges);
    this.#own = [...options.own];
    this.#resolve = new Map([...options.resolve].map(([name, endpoint]) => [name.toLowerCase(), endpoint]));
    for (const [name, { address }] of this.#resolve) {
      if (!isLoopback(address)) throw new Error(`development resolver: ${name} must point to a loopback address`);
    }
  }

  /** Listeners on ports chosen by the system are known only once they listen. */
  addOwn(endpoint: Endpoint): void {
    this.#own.push(endpoint);
  }

  overrideFor(host: string): Endpoint | undefined {
    return this.#resolve.get(host);
  }

  /** For a resolved address. A development override is asked about with `permitsOverride`. */
  permits(address: string, port: number): boolean {
    return this.#permits(address, port, this.#allowed);
  }

  /** The same policy for calls that reach private addresses in some ranges only: never more than the deployment allows. */
  within(ranges: readonly string[]): PermittedAddresses {
    const narrower = parseRanges(ranges);
    const permits = (address: string, port: number): boolean =>
      this.permits(address, port) && this.#permits(address, port, narrower);
    return {
      permits,
      overrideFor: (host) => this.overrideFor(host),
      permitsOverride: (endpoint) => this.permitsOverride(endpoint),
    };
  }

  #permits(address: string, port: number, ranges: ReturnType<typeof parseRanges>): boolean {
    const parsed = parseAddress(address);
    if (parsed === null || this.#isOwn(address, port)) return false;
    const kind = classifyAddress(address);
    return kind === 'public' || (kind === 'restricted' && inAny(parsed, ranges));
  }

  permitsOverride({ address, port }: Endpoint): boolean {
    return isLoopback(address) && !this.#isOwn(address, port);
  }

  #isOwn(address: string, port: number): boolean {
    return this.#own.some(
      (own) =>
        own.port === port &&
        (WILDCARD_ADDRESSES.has(own.address) ? this.#isLocal(address) : sameAddress(own.address, address)),
    );
  }

  #isLocal(address: string): boolean {
    return isLoopback(address) || this.localAddresses().some((local) => sameAddress(local, address));
  }
}

function isLoopback(address: string): boolean {
  return parseAddress(address)?.range() === 'loopback';
}
