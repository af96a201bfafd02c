import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Observable } from 'rxjs';
import { DpopAuthenticator } from './dpop-authenticator.js';

/** Gives agents the next nonce before theirs is refused (RFC 9449 section 8.2). On the raw answer, so streams carry it too. */
@Injectable()
export class DpopNonceInterceptor implements NestInterceptor {
  constructor(private readonly authenticator: DpopAuthenticator) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const nonce = this.authenticator.nextNonceFor(http.getRequest<FastifyRequest>());
    if (nonce !== undefined) http.getResponse<FastifyReply>().raw.setHeader('DPoP-Nonce', nonce);
    return next.handle();
  }
}
