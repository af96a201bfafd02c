import { Injectable } from '@nestjs/common';
import { mintKeyedToken } from '../platform/crypto/keyed-token.js';
import { PlatformSecret } from '../platform/crypto/platform-secret.js';
import { newUuid } from '../platform/ids.js';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import type { Principal } from '../tenancy/principal.js';
import { endSessionsOf } from './agent-sessions.repository.js';
import { ChangeAgent } from './change-agent.js';
import { agentRevoked } from './identity.errors.js';
import { withHolder } from './own-request.js';

/** A new API key, shown once. The old one is dead from this moment, and so is everything that was opened with it. */
@Injectable()
export class ReplaceApiKey {
  constructor(
    private readonly changeAgent: ChangeAgent,
    private readonly secret: PlatformSecret,
    private readonly inFlight: InFlightCalls,
  ) {}

  async execute(principal: Principal, agentId: string): Promise<{ apiKey: string }> {
    const { tenantId } = principal;
    const apiKeyId = newUuid();
    const macKey = this.secret.derive('api-key-mac');
    const { token, secretHash } = mintKeyedToken({ kind: 'ak', tenantId, id: apiKeyId, macKey });
    await this.changeAgent.execute(
      principal,
      agentId,
      async ({ tx, nowMs }, agent) => {
        if (agent.state === 'revoked') throw agentRevoked();
        const ended = await endSessionsOf(tx, agentId, new Date(nowMs), 'API key replaced');
        const details = { api_key: apiKeyId, replaced: agent.apiKeyId, sessions_ended: ended };
        return {
          action: 'agent.api_key.replace',
          set: { apiKeyId, apiKeyHash: secretHash, keyHolders: withHolder(agent.keyHolders, principal) },
          details,
        };
      },
      'control',
    );
    this.inFlight.cut({ tenantId, agentId }, 'session_ended');
    return { apiKey: token };
  }
}
