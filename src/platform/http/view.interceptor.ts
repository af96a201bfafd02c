import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { map, type Observable } from 'rxjs';
import type { z } from 'zod';
import { answerOf } from './returns.js';

/** A handler built something else than its view: a fault of ours. It says where, never what. */
export class ViewMismatchError extends Error {
  override readonly name = 'ViewMismatchError';
  constructor(readonly where: readonly string[]) {
    super(`the answer does not fit its view at ${where.join(', ')}`);
  }
}

/** Lets out what a route's view names, and nothing else. */
export class ViewInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const answer = answerOf(context.getHandler());
    if (!answer || answer.kind === 'raw') return next.handle();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(
      map((value: unknown) => {
        if (reply.sent || answer.kind === 'nothing') return undefined;
        return present(answer.schema, value);
      }),
    );
  }
}

function present(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ViewMismatchError(result.error.issues.map(({ path, code }) => `${path.map(String).join('.')} (${code})`));
}
