import { Injectable } from '@nestjs/common';
import type { Principal } from '../tenancy/principal.js';
import { ChangeAgent, type SeenAgent } from './change-agent.js';
import { agentRevoked } from './identity.errors.js';

/** Lets a suspended agent work again: a human act. Its old sessions stay ended. */
@Injectable()
export class ReinstateAgent {
  constructor(private readonly changeAgent: ChangeAgent) {}

  execute(principal: Principal, agentId: string, reason: string): Promise<SeenAgent> {
    return this.changeAgent.execute(principal, agentId, async (_act, agent) => {
      if (agent.state === 'revoked') throw agentRevoked();
      if (agent.state === 'active') return null;
      return { action: 'agent.reinstate', set: { state: 'active' }, details: { reason } };
    });
  }
}
