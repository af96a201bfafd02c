import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { AgentAdmission } from '../tenancy/agent-admission.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { findSession } from './agent-sessions.repository.js';
import { findAgentRow } from './agents.repository.js';
import { DpopNonce } from './dpop-nonce.js';
import { invalidDpopProof, invalidToken } from './identity.errors.js';
import { PROOF_REPLAYED } from './proof-faults.js';
import { spendProofId } from './proofs.repository.js';
import { hasToken } from './session-rules.js';

/** What a decision does for uses, done in the database for an agent's other requests. */
@Injectable()
export class AdmitAgent extends AgentAdmission {
  constructor(
    private readonly database: TenantDatabase,
    private readonly nonce: DpopNonce,
    private readonly clock: Clock,
  ) {
    super();
  }

  override async admit(principal: AgentPrincipal): Promise<{ name: string; tier: string }> {
    const now = new Date(this.clock.now());
    const admitted = await this.database.inTenant(principal.tenantId, async (tx) => {
      const session = await findSession(tx, principal.sessionId);
      const agent = await findAgentRow(tx, principal.id);
      const live = session !== undefined && session.agentId === principal.id && session.revokedAt === null;
      if (!live || !hasToken(session) || session.expiresAt <= now || agent?.state !== 'active') return 'invalid_token';
      if (!(await spendProofId(tx, principal.proofId, now))) return 'replayed';
      return { name: agent.name, tier: agent.tier };
    });
    if (admitted === 'invalid_token') throw invalidToken(this.nonce.current());
    if (admitted === 'replayed') throw invalidDpopProof(this.nonce.current(), PROOF_REPLAYED);
    return admitted;
  }
}
