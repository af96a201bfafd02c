import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Observable } from 'rxjs';
import { callerOf } from './caller.js';
import type { RateLimits } from './rate-limits.js';

/** After the guards, so that a principal is counted wherever it connects from. */
export class PrincipalRateInterceptor implements NestInterceptor {
  constructor(private readonly limits: RateLimits) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const caller = callerOf(http.getRequest<FastifyRequest>());
    if (caller)
      this.limits.countPrincipal(`${caller.tenantId}/${caller.principalId}`, http.getResponse<FastifyReply>());
    return next.handle();
  }
}
