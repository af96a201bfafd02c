import { Injectable } from '@nestjs/common';
import { newUuid, publicId } from '../../platform/ids.js';
import { Acts } from '../../tenancy/acts.js';
import { actorOf, type AgentPrincipal } from '../../tenancy/principal.js';
import { PENDING_MS, PENDING_PER_AGENT_MAX } from './approval.js';
import { tooManyApprovals } from './approvals.errors.js';
import { insertApproval, pendingOf } from './approvals.repository.js';
import type { PendingApproval } from './request-approval.js';

/**
 * An agent asks for a credential by name. Whether there is one of that name is nothing it learns: what it typed is
 * recorded as it is, and a person sees what it comes to. Asking again while it waits is asking once.
 */
@Injectable()
export class RequestAccess {
  constructor(private readonly acts: Acts) {}

  execute(principal: AgentPrincipal, credentialName: string, reason: string): Promise<PendingApproval> {
    return this.acts.run(principal.tenantId, async ({ tx, chain, nowMs }) => {
      const now = new Date(nowMs);
      const waiting = await pendingOf(tx, principal.id, now);
      const same = waiting.find((row) => row.kind === 'access' && row.credentialName === credentialName);
      if (same !== undefined) return same;
      if (waiting.length >= PENDING_PER_AGENT_MAX) throw tooManyApprovals(PENDING_PER_AGENT_MAX);
      const id = newUuid();
      const expiresAt = new Date(nowMs + PENDING_MS);
      const about = { agentId: principal.id, credentialName, purpose: reason, requestedAt: now, expiresAt };
      const stored = await insertApproval(tx, { ...about, id, kind: 'access', state: 'pending' });
      const details = {
        approval: publicId('apr', id),
        kind: 'access',
        agent: publicId('agt', principal.id),
        name: credentialName,
        reason,
        expires_at: expiresAt.toISOString(),
      };
      await chain.append({ actor: actorOf(principal), action: 'approval.requested', outcome: 'success', details });
      return stored;
    });
  }
}
