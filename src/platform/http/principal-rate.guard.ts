import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from './caller.js';
import type { RateLimits } from './rate-limits.js';

/** Behind the guard that says who calls, so that a principal is counted wherever it connects from. */
export class PrincipalRateGuard implements CanActivate {
  constructor(private readonly limits: RateLimits) {}

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const caller = callerOf(http.getRequest<FastifyRequest>());
    if (caller)
      this.limits.countPrincipal(`${caller.tenantId}/${caller.principalId}`, http.getResponse<FastifyReply>());
    return true;
  }
}
