import { Body, Controller, Get, Post, Req, Res, UseFilters } from '@nestjs/common';
import { DPOP_ALGORITHMS } from '@chancery/protocol/dpop.js';
import { parseScopes, type Scope } from '@chancery/protocol/scopes.js';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OpenToAll } from '../platform/http/access.js';
import { ReadsForm } from '../platform/http/body-parsers.js';
import { RateLimited } from '../platform/http/rate-limits.js';
import { Returns } from '../platform/http/returns.js';
import { OnSurface } from '../platform/http/surface.js';
import { SurfaceOrigins } from '../platform/http/surface-origins.js';
import { ClientCredentials } from './client-credentials.js';
import { DpopNonce, NONCE_HEADER } from './dpop-nonce.js';
import { DpopProofs } from './dpop-proofs.js';
import { GRANTABLE_SCOPES, IssueToken } from './issue-token.js';
import { OAuthErrorFilter } from './oauth-error.filter.js';
import { OAuthError } from './oauth.errors.js';
import { jwksView, revocationForm, revokedView, serverMetadataView, tokenForm, tokenView } from './oauth.schema.js';
import type { CheckedProof } from './proof-checker.js';
import { PROOF_FAULTS } from './proof-faults.js';
import { RevokeToken } from './revoke-token.js';
import { TokenKeys } from './token-keys.js';

const DEFAULT_SCOPE: Scope = 'use:credential';

/** Standard OAuth 2 for agents: `client_credentials` with DPoP (RFC 6749, RFC 9449), metadata (RFC 8414), JWKS. */
@Controller()
@OnSurface('tenant')
@UseFilters(OAuthErrorFilter)
export class OAuthController {
  constructor(
    private readonly credentials: ClientCredentials,
    private readonly proofs: DpopProofs,
    private readonly nonce: DpopNonce,
    private readonly issueToken: IssueToken,
    private readonly revokeToken: RevokeToken,
    private readonly tokenKeys: TokenKeys,
    private readonly origins: SurfaceOrigins,
  ) {}

  @Post('oauth/token')
  @OpenToAll()
  @ReadsForm(tokenForm)
  @RateLimited('token')
  @Returns(tokenView, { summary: 'A DPoP-bound access token for an agent' })
  async token(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply, @Body() body: unknown) {
    void reply.headers({ [NONCE_HEADER]: this.nonce.current(), Pragma: 'no-cache' });
    const form = readForm(body);
    const credential = this.credentials.read(request.headers.authorization, form);
    const proof = await this.#proof(request);
    const issued = await this.issueToken.execute(credential, proof, scopesOf(form.scope));
    return {
      access_token: issued.accessToken,
      token_type: 'DPoP',
      expires_in: issued.expiresInSeconds,
      scope: issued.scopes.join(' '),
    };
  }

  @Post('oauth/revoke')
  @OpenToAll()
  @ReadsForm(revocationForm)
  @RateLimited('token')
  @Returns(revokedView, { summary: 'End the session of the key that signs the proof (RFC 7009)' })
  async revoke(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply, @Body() body: unknown) {
    void reply.headers({ [NONCE_HEADER]: this.nonce.current(), Pragma: 'no-cache' });
    const form = revocationForm.safeParse(body ?? {});
    if (!form.success) throw new OAuthError('invalid_request', 'token is missing, or a field is too long.');
    const credential = this.credentials.read(request.headers.authorization, form.data);
    await this.revokeToken.execute(credential, await this.#proof(request));
    return {};
  }

  @Get('.well-known/oauth-authorization-server')
  @OpenToAll()
  @Returns(serverMetadataView, { summary: 'What this authorization server supports' })
  metadata() {
    const issuer = this.origins.main('tenant');
    return {
      issuer,
      token_endpoint: `${issuer}/oauth/token`,
      revocation_endpoint: `${issuer}/oauth/revoke`,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      scopes_supported: GRANTABLE_SCOPES,
      response_types_supported: [],
      grant_types_supported: ['client_credentials'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
    };
  }

  @Get('.well-known/jwks.json')
  @OpenToAll()
  @Returns(jwksView, { summary: 'The keys access tokens are signed with' })
  jwks() {
    return this.tokenKeys.jwks();
  }

  async #proof(request: FastifyRequest): Promise<CheckedProof> {
    const verdict = await this.proofs.check(request);
    if (verdict.ok) return verdict.proof;
    const { reason } = verdict;
    throw new OAuthError(reason === 'use_dpop_nonce' ? reason : 'invalid_dpop_proof', PROOF_FAULTS[reason]);
  }
}

function readForm(body: unknown) {
  const read = tokenForm.safeParse(body ?? {});
  if (!read.success) throw new OAuthError('invalid_request', 'grant_type is missing, or a field is too long.');
  if (read.data.grant_type !== 'client_credentials') {
    throw new OAuthError('unsupported_grant_type', 'The one grant type here is client_credentials.');
  }
  if (read.data.authorization_details !== undefined) {
    throw new OAuthError('invalid_authorization_details', 'No type of authorization details is supported yet.');
  }
  return read.data;
}

function scopesOf(text: string = DEFAULT_SCOPE): Scope[] {
  const scopes = parseScopes(text);
  if (scopes?.every((scope) => GRANTABLE_SCOPES.includes(scope)) === true) return scopes;
  throw new OAuthError('invalid_scope', `The scopes granted here are: ${GRANTABLE_SCOPES.join(' ')}.`);
}
