import { Injectable } from '@nestjs/common';
import { notFound } from '../platform/http/http.errors.js';
import { publicId } from '../platform/ids.js';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import type { Act } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { findSession, updateSession } from './agent-sessions.repository.js';
import { sessionNotPending } from './identity.errors.js';
import { SessionApprovals } from './session-approvals.js';
import { visibleState } from './session-rules.js';

/** A person does not let a SACRED agent have its next token: the session ends, also where an earlier token is still good. */
@Injectable()
export class RefuseSession {
  constructor(
    private readonly approvals: SessionApprovals,
    private readonly inFlight: InFlightCalls,
  ) {}

  /** Inside the act of the list of approvals, which is the one door to this. */
  async within(act: Act, principal: Principal, sessionId: string, reason: string | null): Promise<void> {
    const { tx, chain, nowMs } = act;
    const session = await findSession(tx, sessionId);
    if (session === undefined) throw notFound();
    if (visibleState(session, nowMs) !== 'pending') throw sessionNotPending();
    const by = actorOf(principal);
    const ended = { revokedAt: new Date(nowMs), revokedReason: reason ?? 'refused' };
    await updateSession(tx, sessionId, ended);
    const details = { agent: publicId('agt', session.agentId), session: publicId('ses', sessionId), reason };
    await chain.append({ actor: by, action: 'session.revoke', outcome: 'success', details });
    await this.approvals.decided(act, session, { state: 'refused', by, reason });
  }

  /** When it is durable: calls under way end with their session. */
  cut(tenantId: string, sessionId: string): void {
    this.inFlight.cut({ tenantId, sessionId }, 'session_ended');
  }
}
