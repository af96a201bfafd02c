/** Where in a request a placeholder may stand. */
export const PLACEMENTS = ['header', 'query', 'path', 'body'] as const;
export type Placement = (typeof PLACEMENTS)[number];

export const DEFAULT_PORTS: readonly number[] = [443];

/**
 * Where a credential may go. It is hashed into the ciphertext's associated data, so a changed binding
 * does not decrypt: editing it seals the value again as a new version.
 */
export interface Binding {
  /** Host patterns; empty means unrestricted, which production refuses. */
  readonly allowed_domains: readonly string[];
  readonly ports: readonly number[];
  /** Plain HTTP allowed; never in production. */
  readonly cleartext: boolean;
  // What is not set below is absent, never null or empty: what was sealed before it existed hashes as it did.
  /** HTTP methods, in upper case. */
  readonly methods?: readonly string[];
  /** Beginnings of the canonical path, whole segments each, without a slash at the end. */
  readonly path_prefixes?: readonly string[];
  /** CIDR ranges: of private addresses only these are dialled, and only where the deployment's dial policy has them too. */
  readonly private_ranges?: readonly string[];
  readonly placements?: readonly Placement[];
}

/** What an entry says of a binding: everything that is not the default. */
export function bindingDetails({ allowed_domains, ports, cleartext, ...further }: Binding): Record<string, unknown> {
  const isDefault = ports.length === 1 && ports[0] === DEFAULT_PORTS[0];
  return { allowed_domains, ...(isDefault ? {} : { ports }), ...(cleartext ? { cleartext } : {}), ...further };
}
