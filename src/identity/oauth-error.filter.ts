import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { OAuthError } from './oauth.errors.js';

/** Answers in the format of RFC 6749 section 5.2; everything else that is thrown goes on to the problem filter. */
@Catch(OAuthError)
export class OAuthErrorFilter implements ExceptionFilter<OAuthError> {
  catch({ code, description, status, headers, extra }: OAuthError, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    void reply
      .code(status)
      .headers(headers)
      .type('application/json')
      .send({ error: code, error_description: description, ...extra });
  }
}
