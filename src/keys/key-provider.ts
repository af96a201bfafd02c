import type { Secret } from '../platform/crypto/secret.js';

export type VaultState = 'uninitialized' | 'sealed' | 'unsealed';

/**
 * Called once the password has proved right and before any key can be used: the place to make the act durable. When it
 * throws, nothing is unsealed.
 */
export type Admit = () => Promise<void>;

/** The root of trust behind every tenant's KEK (DESIGN 6). Errors are those of `keys.errors.ts`. */
export interface KeyProvider {
  readonly name: string;
  state(): VaultState;
  /** Makes the root key; unsealed afterwards. The caller zeroes the password, here and below. */
  initialize(password: Secret, admit?: Admit): Promise<void>;
  /** Always checks the password, also when unsealed already. */
  unseal(password: Secret, admit?: Admit): Promise<void>;
  /** At once; wins over an `unseal` that is still running. */
  seal(): void;
  changePassword(current: Secret, next: Secret): Promise<void>;
  wrapKek(tenantId: string, version: number, kek: Secret): Promise<Buffer>;
  unwrapKek(tenantId: string, version: number, wrapped: Buffer): Promise<Secret>;
}
