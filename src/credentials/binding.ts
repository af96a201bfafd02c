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
}
