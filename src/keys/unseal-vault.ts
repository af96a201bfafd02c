import { Injectable } from '@nestjs/common';
import type { Secret } from '../platform/crypto/secret.js';
import { ProblemError } from '../platform/http/problem.js';
import { PLATFORM_TENANT_ID } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import type { VaultState } from './key-provider.js';
import { Vault } from './vault.js';

/** Unseals with the master password. The entry is durable before any key can be used; a wrong password is one too. */
@Injectable()
export class UnsealVault {
  constructor(
    private readonly vault: Vault,
    private readonly acts: Acts,
  ) {}

  async execute(principal: Principal, password: Secret): Promise<VaultState> {
    try {
      const { state } = await this.vault.unseal(password, () => this.#append(principal, 'success', {}));
      return state;
    } catch (error) {
      // At most five in five minutes get this far, so nobody fills the chain with guesses.
      const wrong = error instanceof ProblemError && error.spec.code === 'wrong_password';
      if (wrong) await this.#append(principal, 'denied', { code: error.spec.code });
      throw error;
    }
  }

  #append(principal: Principal, outcome: string, details: Record<string, unknown>): Promise<void> {
    const draft = { actor: actorOf(principal), action: 'vault.unseal', outcome, details };
    return this.acts.run(PLATFORM_TENANT_ID, async ({ chain }) => void (await chain.append(draft)));
  }
}
