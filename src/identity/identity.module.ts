import { Global, Module } from '@nestjs/common';
import { AgentAuthenticator } from '../tenancy/agent-authenticator.js';
import { AccessTokens } from './access-tokens.js';
import { AdmitAgent } from './admit-agent.js';
import { AgentStandingController } from './agent-standing.controller.js';
import { AgentsController } from './agents.controller.js';
import { ApproveSession } from './approve-session.js';
import { AuthenticateClient } from './authenticate-client.js';
import { BehaviourController } from './behaviour/behaviour.controller.js';
import { DemoteAutomatically } from './behaviour/demote-automatically.js';
import { FollowOverdue } from './behaviour/follow-overdue.js';
import { FollowUses } from './behaviour/follow-uses.js';
import { ReadBehaviour } from './behaviour/read-behaviour.js';
import { RecordFindings } from './behaviour/record-findings.js';
import { RenewalScore } from './behaviour/renewal-score.js';
import { WatchUses } from './behaviour/watch-uses.js';
import { ChangeAgent } from './change-agent.js';
import { ClientCredentials } from './client-credentials.js';
import { DemoteAgent } from './demote-agent.js';
import { DpopAuthenticator } from './dpop-authenticator.js';
import { DpopNonce } from './dpop-nonce.js';
import { DpopProofs } from './dpop-proofs.js';
import { ProofChecks } from './proof-checks.js';
import { FindAgent } from './find-agent.js';
import { IssueToken } from './issue-token.js';
import { ListSessions } from './list-sessions.js';
import { OAuthController } from './oauth.controller.js';
import { OpenSession } from './open-session.js';
import { PollPace } from './poll-pace.js';
import { PromoteAgent } from './promote-agent.js';
import { PruneProofs } from './prune-proofs.js';
import { ReadAgents } from './read-agents.js';
import { ReadStanding } from './read-standing.js';
import { RefuseSession } from './refuse-session.js';
import { RegisterAgent } from './register-agent.js';
import { ReinstateAgent } from './reinstate-agent.js';
import { ReplaceApiKey } from './replace-api-key.js';
import { RevokeAgent } from './revoke-agent.js';
import { RevokeSession } from './revoke-session.js';
import { RevokeToken } from './revoke-token.js';
import { AgentSessionsController } from './sessions.controller.js';
import { SuspendAgent } from './suspend-agent.js';
import { TokenKeysController } from './token-keys.controller.js';
import { TokenKeys } from './token-keys.js';

/** Global, because the guard of every route asks for `AgentAuthenticator`, and the rooms above for `FindAgent`. */
@Global()
@Module({
  controllers: [
    AgentsController,
    AgentStandingController,
    AgentSessionsController,
    BehaviourController,
    OAuthController,
    TokenKeysController,
  ],
  providers: [
    AccessTokens,
    AdmitAgent,
    ApproveSession,
    AuthenticateClient,
    ChangeAgent,
    ClientCredentials,
    DemoteAgent,
    DemoteAutomatically,
    DpopAuthenticator,
    DpopNonce,
    DpopProofs,
    ProofChecks,
    FindAgent,
    FollowOverdue,
    FollowUses,
    IssueToken,
    ListSessions,
    OpenSession,
    PollPace,
    PromoteAgent,
    PruneProofs,
    ReadAgents,
    ReadBehaviour,
    ReadStanding,
    RecordFindings,
    RefuseSession,
    RegisterAgent,
    ReinstateAgent,
    RenewalScore,
    ReplaceApiKey,
    RevokeAgent,
    RevokeSession,
    RevokeToken,
    SuspendAgent,
    TokenKeys,
    WatchUses,
    { provide: AgentAuthenticator, useExisting: DpopAuthenticator },
  ],
  exports: [AgentAuthenticator, ApproveSession, FindAgent, FollowOverdue, PruneProofs, ReadStanding, RefuseSession],
})
export class IdentityModule {}
