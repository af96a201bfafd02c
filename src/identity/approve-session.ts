import { Injectable } from '@nestjs/common';
import { notFound } from '../platform/http/http.errors.js';
import { publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { findSession, updateSession } from './agent-sessions.repository.js';
import { findAgentRow } from './agents.repository.js';
import { sessionNotPending } from './identity.errors.js';
import { type SeenSession, seenSession } from './list-sessions.js';
import { APPROVAL_WAIT_MS, hasToken, visibleState } from './session-rules.js';

/** A person lets a SACRED agent have its next token: the first of a session, or a renewal. Approving twice changes nothing. */
@Injectable()
export class ApproveSession {
  constructor(private readonly acts: Acts) {}

  execute(principal: Principal, sessionId: string): Promise<SeenSession> {
    return this.acts.run(principal.tenantId, async ({ tx, chain, nowMs }) => {
      const session = await findSession(tx, sessionId);
      if (session === undefined) throw notFound();
      const state = visibleState(session, nowMs);
      if (state === 'approved') return seenSession(session, nowMs);
      const agent = await findAgentRow(tx, session.agentId);
      if (state !== 'pending' || agent?.state !== 'active') throw sessionNotPending();
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
      return seenSession(approved, nowMs);
    });
  }
}
