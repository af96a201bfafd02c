import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { findSession } from './agent-sessions.repository.js';
import { findAgentRow } from './agents.repository.js';
import { invalidDpopProof, invalidToken } from './identity.errors.js';
import { PROOF_REPLAYED } from './proof-faults.js';
import { spendProofId } from './proofs.repository.js';
import { hasToken } from './session-rules.js';

/**
 * Lets an agent into a route that leaves no audit entry of its own: its session is looked up, and its proof is spent. (A
 * use of a credential needs neither: its decision reads the session, its entry spends the proof.)
 */
@Injectable()
export class AdmitAgent {
  constructor(
    private readonly database: TenantDatabase,
    private readonly clock: Clock,
  ) {}

  /** Throws 401 `invalid_token` or `invalid_dpop_proof`. */
  async execute(principal: AgentPrincipal): Promise<void> {
    const now = new Date(this.clock.now());
    const admitted = await this.database.inTenant(principal.tenantId, async (tx) => {
      const session = await findSession(tx, principal.sessionId);
      const agent = await findAgentRow(tx, principal.id);
      const live = session !== undefined && session.agentId === principal.id && session.revokedAt === null;
      if (!live || !hasToken(session) || session.expiresAt <= now || agent?.state !== 'active') return 'invalid_token';
      if (!(await spendProofId(tx, principal.proofId, now))) return 'replayed';
      return 'admitted';
    });
    if (admitted === 'invalid_token') throw invalidToken();
    if (admitted === 'replayed') throw invalidDpopProof(PROOF_REPLAYED);
  }
}
