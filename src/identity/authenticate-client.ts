import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { constantTimeEqual } from '../platform/crypto/keyed-token.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { type AgentRow, findAgentRow } from './agents.repository.js';
import type { ClientCredential } from './client-credentials.js';
import type { CheckedProof } from './proof-checker.js';
import { invalidClient, OAuthError } from './oauth.errors.js';
import { PROOF_REPLAYED } from './proof-faults.js';
import { spendProofId } from './proofs.repository.js';

/**
 * Holds a client credential against the agent's row, and spends the proof: only of an agent that is who it says it is,
 * so that nobody else can fill the table, and in a transaction of its own, so that a refusal later on spends it too.
 */
@Injectable()
export class AuthenticateClient {
  constructor(
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
  ) {}

  async execute({ agentId, key, byHeader }: ClientCredential, proof: CheckedProof): Promise<AgentRow> {
    const now = new Date(this.clock.now());
    const found = await this.database.inTenant(key.tenantId, async (tx) => {
      const agent = await findAgentRow(tx, agentId);
      const knows =
        agent !== undefined && agent.apiKeyId === key.id && constantTimeEqual(agent.apiKeyHash, key.secretHash);
      if (!knows || agent.state === 'revoked') return null;
      return { agent, isFirstUse: await spendProofId(tx, proof.proofId, now) };
    });
    if (found === null) throw invalidClient(byHeader);
    if (!found.isFirstUse) throw new OAuthError('invalid_dpop_proof', PROOF_REPLAYED);
    if (found.agent.state === 'suspended') {
      throw new OAuthError('unauthorized_client', 'This agent is suspended. A person of its tenant may reinstate it.');
    }
    return found.agent;
  }
}
