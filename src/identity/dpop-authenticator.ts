import { Injectable } from '@nestjs/common';
import { scopeRow } from '@chancery/protocol/scopes.js';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { setChallenge } from '../platform/http/challenge.js';
import { AgentAuthenticator } from '../tenancy/agent-authenticator.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { AccessTokens } from './access-tokens.js';
import { AdmitAgent } from './admit-agent.js';
import { DpopNonce, NONCE_HEADER } from './dpop-nonce.js';
import { DpopProofs } from './dpop-proofs.js';
import { invalidDpopProof, invalidToken, useDpopNonce } from './identity.errors.js';
import { PROOF_FAULTS } from './proof-faults.js';
import { ReadAgents } from './read-agents.js';

const TOKEN = /^DPoP ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/;

const USE = scopeRow('use:credential');
const EXECUTE_ROUTE = USE.path.replace(/\{(\w+)\}/g, ':$1');
/** The same operation with any method, its answer streamed. */
const STREAM_ROUTE = EXECUTE_ROUTE.replace(/execute$/, 'proxy/:scheme/:host/*');

/**
 * Authenticates agents by a DPoP-bound token and a proof (RFC 9449 section 7). Using a credential leaves the rest to the
 * decision, which knows the policy, and to its entry, which spends the proof; every other route asks the database here.
 */
@Injectable()
export class DpopAuthenticator extends AgentAuthenticator {
  constructor(
    private readonly tokens: AccessTokens,
    private readonly proofs: DpopProofs,
    private readonly nonce: DpopNonce,
    private readonly admit: AdmitAgent,
    private readonly readAgents: ReadAgents,
  ) {
    super();
  }

  override async authenticate(request: FastifyRequest, reply: FastifyReply): Promise<AgentPrincipal> {
    setChallenge(request, () => ({ [NONCE_HEADER]: this.nonce.current() }));
    const accessToken = TOKEN.exec(request.headers.authorization ?? '')?.[1];
    const token = accessToken === undefined ? null : await this.tokens.read(accessToken);
    if (token === null) throw invalidToken();
    const verdict = await this.proofs.check(request, token);
    if (!verdict.ok) {
      const { reason } = verdict;
      if (reason === 'use_dpop_nonce') throw useDpopNonce();
      throw invalidDpopProof(PROOF_FAULTS[reason]);
    }
    // RFC 9449 section 8.2: the next nonce comes before this one is refused. On the raw answer, so that streams carry it.
    if (verdict.proof.wantsNonce) reply.raw.setHeader(NONCE_HEADER, this.nonce.current());
    const { tenantId, agentId, sessionId, scopes } = token;
    const principal = {
      kind: 'agent',
      tenantId,
      id: agentId,
      sessionId,
      scopes,
      proofId: verdict.proof.proofId,
    } as const;
    if (!isUse(request)) await this.admit.execute(principal);
    return principal;
  }

  override describe({ tenantId, id }: AgentPrincipal): Promise<{ name: string; tier: string }> {
    return this.readAgents.show(tenantId, id).then(({ agent: { name, tier } }) => ({ name, tier }));
  }
}

function isUse({ method, routeOptions }: FastifyRequest): boolean {
  if (routeOptions.url === STREAM_ROUTE) return true;
  return method === USE.method && routeOptions.url === EXECUTE_ROUTE;
}
