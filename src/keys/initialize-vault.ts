import { Injectable } from '@nestjs/common';
import type { Secret } from '../platform/crypto/secret.js';
import { PLATFORM_TENANT_ID } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import type { VaultState } from './key-provider.js';
import { Vault } from './vault.js';

/** Sets the master password. Its entry is durable before any key can be used. */
@Injectable()
export class InitializeVault {
  constructor(
    private readonly vault: Vault,
    private readonly acts: Acts,
  ) {}

  async execute(principal: Principal, password: Secret): Promise<VaultState> {
    const draft = { actor: actorOf(principal), action: 'vault.initialize', outcome: 'success', details: {} };
    const { state } = await this.vault.initialize(password, () =>
      this.acts.run(PLATFORM_TENANT_ID, async ({ chain }) => void (await chain.append(draft))),
    );
    return state;
  }
}
