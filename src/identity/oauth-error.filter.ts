import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Refusals } from '../platform/http/refusals.js';
import { OAuthError, type OAuthErrorCode } from './oauth.errors.js';

/** Of these, nobody has shown who asks. */
const UNAUTHENTICATED: ReadonlySet<OAuthErrorCode> = new Set(['invalid_client', 'invalid_dpop_proof']);

/** Answers in the format of RFC 6749 section 5.2; everything else that is thrown goes on to the problem filter. */
@Catch(OAuthError)
export class OAuthErrorFilter implements ExceptionFilter<OAuthError> {
  constructor(private readonly refusals: Refusals) {}

  catch({ code, description, status, headers, extra }: OAuthError, host: ArgumentsHost): void {
    if (UNAUTHENTICATED.has(code)) this.refusals.count(code);
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    void reply
      .code(status)
      .headers(headers)
      .type('application/json')
      .send({ error: code, error_description: description, ...extra });
  }
}
