import { Injectable } from '@nestjs/common';
import { publicId } from '../platform/ids.js';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import { Acts } from '../tenancy/acts.js';
import { findSessionByKey, updateSession } from './agent-sessions.repository.js';
import { AuthenticateClient } from './authenticate-client.js';
import type { ClientCredential } from './client-credentials.js';
import type { CheckedProof } from './proof-checker.js';

/**
 * An agent ends its own session (RFC 7009). Which one, its proof says: the session of the key that signed it. The token
 * itself is not looked at, since a session has one key and ends with every token of it. Nothing to end is no error.
 */
@Injectable()
export class RevokeToken {
  constructor(
    private readonly authenticateClient: AuthenticateClient,
    private readonly acts: Acts,
    private readonly inFlight: InFlightCalls,
  ) {}

  async execute(credential: ClientCredential, proof: CheckedProof): Promise<void> {
    const { tenantId, id: agentId } = await this.authenticateClient.execute(credential, proof);
    const sessionId = await this.acts.run(tenantId, async ({ tx, chain, nowMs }) => {
      const session = await findSessionByKey(tx, agentId, proof.jkt);
      if (session === undefined || session.revokedAt !== null) return null;
      const reason = 'ended by the agent';
      await updateSession(tx, session.id, { revokedAt: new Date(nowMs), revokedReason: reason });
      const agent = publicId('agt', agentId);
      const details = { agent, session: publicId('ses', session.id), reason };
      await chain.append({ actor: `agent:${agent}`, action: 'session.revoke', outcome: 'success', details });
      return session.id;
    });
    if (sessionId !== null) this.inFlight.cut({ tenantId, sessionId }, 'session_ended');
  }
}
