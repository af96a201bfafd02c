import { ProblemError } from '../platform/http/problem.js';
import type { Secret } from '../platform/crypto/secret.js';
import type { PasswordAttempts } from './attempts.js';
import type { Admit, KeyProvider, VaultState } from './key-provider.js';
import { vaultNotInitialized, vaultSealedMeanwhile, weakPassword } from './keys.errors.js';
import type { TenantKeys } from './tenant-keys.js';

const MASTER_PASSWORD_CHARACTERS_MIN = 12;

/** `changed` is false when the vault was in that state already. */
export type VaultOutcome = { state: VaultState; changed: boolean };

/** The people's side of the keys: who may unseal is decided before, what happens is decided here (P7). */
export class Vault {
  readonly #provider: KeyProvider;
  readonly #attempts: PasswordAttempts;
  readonly #tenantKeys: TenantKeys;
  readonly #sealListeners = new Set<(reason: string) => void>();
  #seals = 0;

  constructor(o: { provider: KeyProvider; attempts: PasswordAttempts; tenantKeys: TenantKeys }) {
    this.#provider = o.provider;
    this.#attempts = o.attempts;
    this.#tenantKeys = o.tenantKeys;
  }

  state(): VaultState {
    return this.#provider.state();
  }

  /**
   * Sets the master password, once. Unsealed afterwards. Throws `weak_password`, `vault_already_initialized`.
   * `record` runs before any key can be used; when it throws, nothing was initialized.
   */
  async initialize(password: Secret, record?: Admit): Promise<VaultOutcome> {
    assertStrong(password);
    await this.#provider.initialize(password, record);
    return { state: this.state(), changed: true };
  }

  /**
   * Throws `wrong_password`, `too_many_attempts`, `vault_not_initialized`, and `vault_sealed_meanwhile` when somebody
   * sealed while the password was being checked: the seal wins. `record` as above, and only when something changes.
   */
  async unseal(password: Secret, record?: Admit): Promise<VaultOutcome> {
    let changed = false;
    await this.#guarded(() =>
      this.#provider.unseal(password, async () => {
        changed = this.state() !== 'unsealed';
        if (changed) await record?.();
      }),
    );
    return { state: this.state(), changed };
  }

  /** Wipes every key at once, then tells the listeners, which cut what is in flight. */
  seal(reason: string): VaultOutcome {
    const before = this.state();
    // Also when there is nothing to wipe yet: an unseal or initialize that is running must lose.
    this.#seals += 1;
    this.#provider.seal();
    this.#tenantKeys.forget();
    if (before === 'uninitialized') throw vaultNotInitialized();
    if (before === 'unsealed') this.#tell(reason);
    return { state: this.state(), changed: before === 'unsealed' };
  }

  /** Changes the master password; the root key, and with it every credential, stays as it is. */
  async changePassword(current: Secret, next: Secret): Promise<void> {
    assertStrong(next);
    await this.#guarded(() => this.#provider.changePassword(current, next));
  }

  /** Called synchronously after each seal. Gives back what ends the listening. */
  onSeal(listener: (reason: string) => void): () => void {
    this.#sealListeners.add(listener);
    return () => this.#sealListeners.delete(listener);
  }

  async #guarded(tryPassword: () => Promise<void>): Promise<void> {
    if (this.state() === 'uninitialized') throw vaultNotInitialized();
    const sealsBefore = this.#seals;
    const charged = await this.#attempts.charge();
    try {
      if (this.#seals !== sealsBefore) throw vaultSealedMeanwhile();
      await tryPassword();
    } catch (error) {
      const wrong = error instanceof ProblemError && error.spec.code === 'wrong_password';
      if (!wrong) await this.#attempts.release(charged);
      throw error;
    }
    await this.#attempts.clear();
  }

  #tell(reason: string): void {
    const failures: unknown[] = [];
    for (const listener of this.#sealListeners) {
      try {
        listener(reason);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'The vault is sealed, but not everybody could be told');
  }
}

function assertStrong(password: Secret): void {
  // UTF-8: each character has one byte that does not continue another.
  const characters = password.bytes.filter((byte) => (byte & 0xc0) !== 0x80).length;
  if (characters < MASTER_PASSWORD_CHARACTERS_MIN) throw weakPassword(MASTER_PASSWORD_CHARACTERS_MIN);
}
