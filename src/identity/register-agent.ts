import { Injectable } from '@nestjs/common';
import { FIRST_TIER } from '@chancery/protocol/tiers.js';
import { mintKeyedToken } from '../platform/crypto/keyed-token.js';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';
import { violatedConstraint } from '../platform/database/database.errors.js';
import { newUuid, publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { nameTaken } from '../tenancy/tenancy.errors.js';
import { type AgentRow, insertAgent } from './agents.repository.js';
import { withHolder } from './own-request.js';

/** An agent begins as NOVICE, whoever registers it. Its API key is shown once and stored as a hash. */
@Injectable()
export class RegisterAgent {
  constructor(
    private readonly acts: Acts,
    private readonly secret: PlatformSecret,
  ) {}

  async execute(principal: Principal, name: string): Promise<{ agent: AgentRow; apiKey: string }> {
    const id = newUuid();
    const apiKeyId = newUuid();
    const macKey = this.secret.derive('api-key-mac');
    const { token, secretHash } = mintKeyedToken({ kind: 'ak', tenantId: principal.tenantId, id: apiKeyId, macKey });
    try {
      const agent = await this.acts.run(principal.tenantId, async ({ tx, chain, nowMs }) => {
        const now = new Date(nowMs);
        const made = { id, name, tier: FIRST_TIER, state: 'active', apiKeyId, apiKeyHash: secretHash } as const;
        const keyHolders = withHolder([], principal);
        const stored = await insertAgent(tx, { ...made, keyHolders, createdAt: now, updatedAt: now });
        const details = { agent: publicId('agt', id), name, tier: FIRST_TIER };
        await chain.append({ actor: actorOf(principal), action: 'agent.register', outcome: 'success', details });
        return stored;
      });
      return { agent, apiKey: token };
    } catch (error) {
      if (violatedConstraint(error) === 'agents_name') throw nameTaken('agent name');
      throw error;
    }
  }
}
