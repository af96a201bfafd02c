import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Clock } from '../platform/clock.js';
import { isOpenToAll } from '../platform/http/access.js';
import { setCaller } from '../platform/http/caller.js';
import { type Surface, surfaceOf } from '../platform/http/surface.js';
import { PLATFORM_TENANT_ID } from '../platform/ids.js';
import { ACCESS, type Access, setPrincipal } from './access.js';
import { AgentAuthenticator } from './agent-authenticator.js';
import { BearerAuthenticator } from './bearer-authenticator.js';
import { assertHumanAct } from './human-act.js';
import type { Principal } from './principal.js';
import { forbidden, humanRequired, unauthenticated } from './tenancy.errors.js';

const BEARER = /^Bearer (chy_(?:sk|ms)_[A-Za-z0-9_-]+)$/;

/** The one guard of every route: who calls, whether this surface is theirs, and whether the route names them. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly bearer: BearerAuthenticator,
    private readonly agents: AgentAuthenticator,
    private readonly clock: Clock,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.get<Access | undefined>(ACCESS, context.getHandler());
    if (access === undefined) {
      if (isOpenToAll(context.getHandler(), context.getClass())) return true;
      throw new Error(`${context.getHandler().name} does not say who may call it`);
    }
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const principal = await this.#authenticate(request, http.getResponse<FastifyReply>(), access.urgent === true);
    this.#authorise(principal, access);
    setPrincipal(request, principal);
    const { tenantId, kind, id } = principal;
    setCaller(request, { tenantId, principalId: `${kind}:${id}`, urgent: access.urgent === true });
    return true;
  }

  async #authenticate(request: FastifyRequest, reply: FastifyReply, urgent: boolean): Promise<Principal> {
    const principal = await this.#principal(request, reply, urgent);
    if (principal === null || !belongs(principal, surfaceOf(request.raw))) throw unauthenticated();
    return principal;
  }

  async #principal(request: FastifyRequest, reply: FastifyReply, urgent: boolean): Promise<Principal | null> {
    const header = request.headers.authorization;
    if (header === undefined) return null;
    if (header.startsWith('DPoP ')) return this.agents.authenticate(request, reply);
    const match = BEARER.exec(header);
    return match?.[1] === undefined ? null : this.bearer.authenticate(match[1], urgent ? 'control' : 'general');
  }

  #authorise(principal: Principal, access: Access): void {
    if (principal.kind === 'agent') {
      if (access.agents !== true) throw forbidden();
      return;
    }
    if (access.human === true && principal.kind !== 'member') throw humanRequired();
    const roles: readonly string[] = (principal.kind === 'member' ? access.members : access.keys) ?? [];
    if (!roles.includes(principal.role)) throw forbidden();
    if (access.human === true) assertHumanAct(principal, this.clock.now());
  }
}

/** The operator's own principals work on the ops surface and nowhere else; nobody else works there. */
function belongs(principal: Principal, surface: Surface | undefined): boolean {
  return (surface === 'ops') === (principal.tenantId === PLATFORM_TENANT_ID);
}
