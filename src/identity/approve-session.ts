import { Injectable } from '@nestjs/common';
import { notFound } from '../platform/http/http.errors.js';
import { publicId } from '../platform/ids.js';
import { type Act, Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { findSession, updateSession } from './agent-sessions.repository.js';
import { findAgentRow } from './agents.repository.js';
import { sessionNotPending } from './identity.errors.js';
import { type SeenSession, seenSession } from './list-sessions.js';
import { assertNotOwn } from './own-request.js';
import { SessionApprovals } from './session-approvals.js';
import { APPROVAL_WAIT_MS, hasToken, visibleState } from './session-rules.js';

/**
 * A person lets a SACRED agent have its next token: the first of a session, or a renewal. Nobody does who was shown the
 * agent's API key. Approving twice changes nothing.
 */
@Injectable()
export class ApproveSession {
  constructor(
    private readonly acts: Acts,
    private readonly approvals: SessionApprovals,
  ) {}

  execute(principal: Principal, sessionId: string): Promise<SeenSession> {
    return this.acts.run(principal.tenantId, (act) => this.within(act, principal, sessionId, null));
  }

  /** Inside somebody's act: also the list of approvals is a door to this. */
  async within(act: Act, principal: Principal, sessionId: string, reason: string | null): Promise<SeenSession> {
    const { tx, chain, nowMs } = act;
    const session = await findSession(tx, sessionId);
    if (session === undefined) throw notFound();
    const state = visibleState(session, nowMs);
    if (state === 'approved') return seenSession(session, nowMs);
    const agent = await findAgentRow(tx, session.agentId);
    if (state !== 'pending' || agent?.state !== 'active') throw sessionNotPending();
    assertNotOwn(principal, agent);
    const actor = actorOf(principal);
    // The last token of a session keeps its own end; a first one gets time to be fetched.
    const expiresAt = hasToken(session) ? session.expiresAt : new Date(nowMs + APPROVAL_WAIT_MS);
    const approved = await updateSession(tx, sessionId, { state: 'approved', approvedBy: actor, expiresAt });
    const details = {
      agent: publicId('agt', session.agentId),
      session: publicId('ses', sessionId),
      jkt: session.jkt,
      renewal: session.renewalsUsed,
    };
    await chain.append({ actor, action: 'session.approve', outcome: 'success', details });
    await this.approvals.decided(act, session, { state: 'approved', by: actor, reason });
    return seenSession(approved, nowMs);
  }
}
