import { Injectable } from '@nestjs/common';
import { announce } from '../platform/database/policy-channel.js';
import { PLATFORM_TENANT_ID } from '../platform/ids.js';
import { type Act, Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { AllNodes } from './all-nodes.js';
import type { VaultState } from './key-provider.js';
import { Vault } from './vault.js';

/**
 * Seals every node: this one first, and recorded after, because a database that does not answer must not keep the keys
 * in memory. The entry is the order to all the others, so there is one each time somebody asks, also when this node was
 * sealed already. When it cannot be written the caller is told so, and this node is sealed all the same.
 */
@Injectable()
export class SealVault {
  constructor(
    private readonly vault: Vault,
    private readonly acts: Acts,
    private readonly nodes: AllNodes,
  ) {}

  /** Resolves when no node can decrypt any more. */
  async execute(principal: Principal, reason: string): Promise<VaultState> {
    const { state } = this.vault.seal(reason);
    const draft = { actor: actorOf(principal), action: 'vault.seal', outcome: 'success', details: { reason } };
    const order = async ({ chain, tx }: Act): Promise<number> => {
      const { seq } = await chain.append(draft);
      await announce(tx);
      return seq;
    };
    await this.nodes.obeyed(await this.acts.run(PLATFORM_TENANT_ID, order, 'control'));
    return state;
  }
}
