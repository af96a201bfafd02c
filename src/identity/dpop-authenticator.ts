import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AgentAuthenticator } from '../tenancy/agent-authenticator.js';
import type { AgentPrincipal } from '../tenancy/principal.js';
import { AccessTokens } from './access-tokens.js';
import { DpopNonce } from './dpop-nonce.js';
import { DpopProofs } from './dpop-proofs.js';
import { invalidDpopProof, invalidToken, useDpopNonce } from './identity.errors.js';
import { PROOF_FAULTS } from './proof-faults.js';

const TOKEN = /^DPoP ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/;

/**
 * Authenticates agents by a DPoP-bound token and a proof (RFC 9449 section 7). The proof is not spent here: the entry of
 * the use does that, or `AgentAdmission`. Whether the session still stands is decided where the policy is known.
 */
@Injectable()
export class DpopAuthenticator extends AgentAuthenticator {
  readonly #wantNonce = new WeakSet<IncomingMessage>();

  constructor(
    private readonly tokens: AccessTokens,
    private readonly proofs: DpopProofs,
    private readonly nonce: DpopNonce,
  ) {
    super();
  }

  override async authenticate(request: FastifyRequest): Promise<AgentPrincipal> {
    const accessToken = TOKEN.exec(request.headers.authorization ?? '')?.[1];
    const token = accessToken === undefined ? null : await this.tokens.read(accessToken);
    if (accessToken === undefined || token === null) throw invalidToken(this.nonce.current());
    const verdict = await this.proofs.check(request, { accessToken, jkt: token.jkt });
    if (!verdict.ok) {
      const { reason } = verdict;
      if (reason === 'use_dpop_nonce') throw useDpopNonce(this.nonce.current());
      throw invalidDpopProof(this.nonce.current(), PROOF_FAULTS[reason]);
    }
    if (verdict.proof.wantsNonce) this.#wantNonce.add(request.raw);
    const { tenantId, agentId, sessionId, scopes } = token;
    return { kind: 'agent', tenantId, id: agentId, sessionId, scopes, proofId: verdict.proof.proofId };
  }

  /** The nonce an answer to this request should bring, because the one it used will soon be too old. */
  nextNonceFor(request: FastifyRequest): string | undefined {
    return this.#wantNonce.has(request.raw) ? this.nonce.current() : undefined;
  }
}
