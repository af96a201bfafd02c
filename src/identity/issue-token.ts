import { Injectable } from '@nestjs/common';
import type { Scope } from '@chancery/protocol/scopes.js';
import { Clock } from '../platform/clock.js';
import { AccessTokens } from './access-tokens.js';
import { AuthenticateClient } from './authenticate-client.js';
import type { ClientCredential } from './client-credentials.js';
import type { CheckedProof } from './proof-checker.js';
import { invalidClient, OAuthError, sessionPending } from './oauth.errors.js';
import { OpenSession } from './open-session.js';
import { POLL_INTERVAL_SECONDS, PollPace } from './poll-pace.js';

/** The scopes whose operation exists. */
export const GRANTABLE_SCOPES: readonly Scope[] = ['use:credential'];

export interface IssuedToken {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly scopes: readonly Scope[];
}

/** A DPoP-bound access token for an agent (protocol 4): API key and proof together, never the key alone. */
@Injectable()
export class IssueToken {
  constructor(
    private readonly authenticateClient: AuthenticateClient,
    private readonly openSession: OpenSession,
    private readonly pace: PollPace,
    private readonly tokens: AccessTokens,
    private readonly clock: Clock,
  ) {}

  async execute(credential: ClientCredential, proof: CheckedProof, scopes: readonly Scope[]): Promise<IssuedToken> {
    const agent = await this.authenticateClient.execute(credential, proof);
    const opened = await this.openSession.execute(agent.tenantId, agent, proof.jkt);
    switch (opened.kind) {
      case 'agent_not_active':
        throw invalidClient(credential.byHeader);
      case 'refused':
        throw new OAuthError('invalid_grant', opened.why);
      case 'pending':
        throw sessionPending(this.#tooSoon(opened), POLL_INTERVAL_SECONDS);
      case 'denied':
        throw new OAuthError('access_denied', 'A person refused this session. Begin a new one with a new DPoP key.');
      case 'open':
        break;
    }
    const { session } = opened;
    const expiresAtMs = session.expiresAt.getTime();
    const claims = {
      tenantId: agent.tenantId,
      agentId: agent.id,
      sessionId: session.id,
      scopes,
      jkt: session.jkt,
      expiresAtMs,
    };
    const accessToken = await this.tokens.issue(claims);
    return {
      accessToken,
      expiresInSeconds: Math.floor(expiresAtMs / 1000) - Math.floor(this.clock.now() / 1000),
      scopes,
    };
  }

  #tooSoon({ sessionId, isNew }: { readonly sessionId: string; readonly isNew: boolean }): boolean {
    if (!isNew) return this.pace.tooSoon(sessionId);
    this.pace.begin(sessionId);
    return false;
  }
}
