import { applyDecorators, createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type Scheme, SignedInBy } from '../platform/http/access.js';
import { RequestSlot } from '../platform/http/request-slot.js';
import type { KeyRole, MemberRole, Principal } from './principal.js';

/** Who may call a route. What is not named may not. */
export interface Access {
  readonly members?: readonly MemberRole[];
  readonly keys?: readonly KeyRole[];
  readonly agents?: boolean;
  /** A human act: a person's session whose factor is at most five minutes old, and no key of any kind. */
  readonly human?: boolean;
  /** Stops something: also who calls is then asked over the connection kept for control acts, past whatever else waits. */
  readonly urgent?: boolean;
}

export const ACCESS = Symbol('chancery/access');

/** Method decorator: states who may call. A route needs it, or `@OpenToAll`. */
export const Allow = (access: Access): MethodDecorator => {
  const bearer = access.members !== undefined || access.keys !== undefined;
  const schemes: Scheme[] = [
    ...(bearer ? (['bearer'] as const) : []),
    ...(access.agents === true ? (['dpop'] as const) : []),
  ];
  return applyDecorators(SetMetadata(ACCESS, access), SignedInBy(...schemes));
};

/** Reading the tenant's administration. */
export const READERS: Access = { members: ['owner', 'admin', 'approver', 'auditor'], keys: ['admin', 'auditor'] };
/** Changing it. */
export const ADMINS: Access = { members: ['owner', 'admin'], keys: ['admin'] };
/** Pulling a brake: everybody who can act at all. */
export const BRAKERS: Access = { members: ['owner', 'admin', 'approver'], keys: ['admin'], urgent: true };
/** Taking something away: a key, a grant, an agent's standing. */
export const STOPPERS: Access = { ...ADMINS, urgent: true };
/** Clearing, approving, promoting. */
export const HUMANS: Access = { members: ['owner', 'admin', 'approver'], human: true };
/** Letting people in and out. */
export const OWNERS: Access = { members: ['owner'], human: true };
/** Everybody who is signed in. */
export const SIGNED_IN: Access = { ...READERS, agents: true };
/** People only. */
export const MEMBERS: Access = { members: ['owner', 'admin', 'approver', 'auditor'] };
/** Agents only. */
export const AGENTS: Access = { agents: true };

const principals = new RequestSlot<Principal>('principal');

export function setPrincipal(request: FastifyRequest, principal: Principal): void {
  principals.set(request.raw, principal);
}

export function principalOf(request: FastifyRequest): Principal | undefined {
  return principals.get(request.raw);
}

/** Parameter decorator: the principal the guard let through. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const principal = principalOf(context.switchToHttp().getRequest<FastifyRequest>());
  if (principal === undefined) throw new Error('a route that names its caller is not open to anyone');
  return principal;
});
