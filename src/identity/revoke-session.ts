import { Injectable } from '@nestjs/common';
import { notFound } from '../platform/http/http.errors.js';
import { publicId } from '../platform/ids.js';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import { type Act, Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { findSession, updateSession } from './agent-sessions.repository.js';
import { type SeenSession, seenSession } from './list-sessions.js';

/** Ends one session at once: no use is ordered after this entry, calls in flight are cut. Doing it twice changes nothing. */
@Injectable()
export class RevokeSession {
  constructor(
    private readonly acts: Acts,
    private readonly inFlight: InFlightCalls,
  ) {}

  async execute(principal: Principal, sessionId: string, reason = 'revoked'): Promise<SeenSession> {
    const work = async ({ tx, chain, nowMs }: Act): Promise<SeenSession> => {
      const session = await findSession(tx, sessionId);
      if (session === undefined) throw notFound();
      if (session.revokedAt !== null) return seenSession(session, nowMs);
      const ended = await updateSession(tx, sessionId, { revokedAt: new Date(nowMs), revokedReason: reason });
      const details = { agent: publicId('agt', session.agentId), session: publicId('ses', sessionId), reason };
      await chain.append({ actor: actorOf(principal), action: 'session.revoke', outcome: 'success', details });
      return seenSession(ended, nowMs);
    };
    const seen = await this.acts.run(principal.tenantId, work, 'control');
    this.inFlight.cut({ tenantId: principal.tenantId, sessionId }, 'session_ended');
    return seen;
  }
}
