import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ProblemSinks, sendProblem } from './send-problem.js';

/** The one place where an error becomes an answer, for routes, guards, pipes, parsers and hooks alike. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly sinks: ProblemSinks) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const context = host.switchToHttp();
    sendProblem(error, context.getRequest<FastifyRequest>(), context.getResponse<FastifyReply>(), this.sinks);
  }
}
