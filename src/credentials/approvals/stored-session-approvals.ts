import { Injectable } from '@nestjs/common';
import { SessionApprovals, type SessionDecision, type WaitingSession } from '../../identity/session-approvals.js';
import { newUuid, publicId } from '../../platform/ids.js';
import type { Act } from '../../tenancy/acts.js';
import { insertApproval, pendingForSession } from './approvals.repository.js';
import { settle } from './open-approval.js';

/** The sessions of SACRED agents in the list of what waits for people. */
@Injectable()
export class StoredSessionApprovals extends SessionApprovals {
  override async ask({ tx, chain, nowMs }: Act, session: WaitingSession, until: Date): Promise<void> {
    if ((await pendingForSession(tx, session.id)) !== undefined) return;
    const id = newUuid();
    const { agentId, id: sessionId } = session;
    const about = { agentId, sessionId, requestedAt: new Date(nowMs), expiresAt: until };
    await insertApproval(tx, { ...about, id, kind: 'session', state: 'pending' });
    const agent = publicId('agt', agentId);
    const details = {
      approval: publicId('apr', id),
      kind: 'session',
      agent,
      session: publicId('ses', sessionId),
      expires_at: until.toISOString(),
    };
    await chain.append({ actor: `agent:${agent}`, action: 'approval.requested', outcome: 'success', details });
  }

  override async decided(act: Act, { id }: WaitingSession, decision: SessionDecision): Promise<void> {
    const row = await pendingForSession(act.tx, id);
    if (row !== undefined) await settle(act, row, decision);
  }
}
