import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { catchError, type Observable } from 'rxjs';
import { ProblemError } from '../platform/http/problem.js';
import { principalOf } from '../tenancy/access.js';
import { DpopAuthenticator } from './dpop-authenticator.js';
import { DpopNonce } from './dpop-nonce.js';

/**
 * Gives agents the next nonce before theirs is refused (RFC 9449 section 8.2), and with every 401 of a route. On the raw
 * answer, so that streams carry it too.
 */
@Injectable()
export class DpopNonceInterceptor implements NestInterceptor {
  constructor(
    private readonly authenticator: DpopAuthenticator,
    private readonly nonce: DpopNonce,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    if (principalOf(request)?.kind !== 'agent') return next.handle();
    const { raw } = http.getResponse<FastifyReply>();
    if (this.authenticator.wantsNonce(request)) raw.setHeader('DPoP-Nonce', this.nonce.current());
    return next.handle().pipe(
      catchError((error: unknown) => {
        if (error instanceof ProblemError && error.spec.status === 401 && !raw.headersSent) {
          raw.setHeader('DPoP-Nonce', this.nonce.current());
        }
        throw error;
      }),
    );
  }
}
