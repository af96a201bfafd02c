import { Body, Controller, Get, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { OpenToAll } from '../platform/http/access.js';
import { iso } from '../platform/http/fields.js';
import { RateLimited } from '../platform/http/rate-limits.js';
import { Returns, ReturnsNothing } from '../platform/http/returns.js';
import { OnSurface, surfaceOf } from '../platform/http/surface.js';
import { PLATFORM_TENANT_ID, publicId } from '../platform/ids.js';
import { Allow, Caller, MEMBERS, SIGNED_IN } from './access.js';
import { AgentAuthenticator } from './agent-authenticator.js';
import { Directory } from './directory.js';
import { FACTOR_FRESH_MS, LogIn } from './log-in.js';
import { MemberSession } from './member-session.js';
import { ID_PREFIX, type MemberPrincipal, type Principal } from './principal.js';
import { loginFailed } from './tenancy.errors.js';
import { factorBody, factorView, loginBody, signedInView, viewSignedIn, whoamiView } from './tenancy.schema.js';

@Controller('v1')
@OnSurface('tenant', 'ops')
export class SessionsController {
  constructor(
    private readonly logIn: LogIn,
    private readonly session: MemberSession,
    private readonly directory: Directory,
    private readonly agents: AgentAuthenticator,
  ) {}

  @Post('login')
  @OpenToAll()
  @RateLimited('login')
  @Returns(signedInView, { status: 201, summary: 'Sign in with password and second factor' })
  async login(@Body({ schema: loginBody }) body: z.output<typeof loginBody>, @Req() request: FastifyRequest) {
    const onOps = surfaceOf(request.raw) === 'ops';
    const tenant = body.tenant ?? (onOps ? 'platform' : undefined);
    if (tenant === undefined) throw loginFailed();
    const mayEnter = ({ id }: { id: string }) => (id === PLATFORM_TENANT_ID) === onOps;
    return viewSignedIn(await this.logIn.execute({ ...body, tenant }, mayEnter));
  }

  @Post('login/factor')
  @Allow(MEMBERS)
  @RateLimited('login')
  @Returns(factorView, { summary: 'Show the second factor again' })
  async factor(@Caller() principal: MemberPrincipal, @Body({ schema: factorBody }) body: z.output<typeof factorBody>) {
    return { factor_expires_at: iso(await this.session.showFactor(principal, body.totp)) };
  }

  @Post('logout')
  @Allow(MEMBERS)
  @ReturnsNothing({ summary: 'End this session' })
  logout(@Caller() principal: MemberPrincipal): Promise<void> {
    return this.session.leave(principal);
  }

  @Get('whoami')
  @Allow(SIGNED_IN)
  @Returns(whoamiView, { summary: 'Who this request is signed in as' })
  async whoami(@Caller() principal: Principal, @Req() request: FastifyRequest) {
    const tenant = await this.directory.byId(principal.tenantId);
    return {
      kind: principal.kind,
      id: publicId(ID_PREFIX[principal.kind], principal.id),
      ...(await this.#about(principal)),
      tenant: { id: publicId('ten', principal.tenantId), namespace: tenant?.namespace ?? '' },
      surface: surfaceOf(request.raw),
    };
  }

  async #about(principal: Principal) {
    switch (principal.kind) {
      case 'agent':
        return this.agents.describe(principal);
      case 'service_key':
        return { name: principal.name, role: principal.role };
      case 'member': {
        const factorExpiresAt = new Date(principal.factorAtMs + FACTOR_FRESH_MS);
        return { name: principal.name, role: principal.role, factor_expires_at: iso(factorExpiresAt) };
      }
    }
  }
}
