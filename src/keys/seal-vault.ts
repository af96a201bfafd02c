import { Injectable } from '@nestjs/common';
import { PLATFORM_TENANT_ID } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import type { VaultState } from './key-provider.js';
import { Vault } from './vault.js';

/**
 * Seals first and records after: a database that does not answer must not keep the keys in memory. When the entry
 * cannot be written the caller is told so, and the vault is sealed all the same.
 */
@Injectable()
export class SealVault {
  constructor(
    private readonly vault: Vault,
    private readonly acts: Acts,
  ) {}

  async execute(principal: Principal, reason: string): Promise<VaultState> {
    const { state, changed } = this.vault.seal(reason);
    if (!changed) return state;
    const draft = { actor: actorOf(principal), action: 'vault.seal', outcome: 'success', details: { reason } };
    await this.acts.run(PLATFORM_TENANT_ID, async ({ chain }) => void (await chain.append(draft)), 'control');
    return state;
  }
}
