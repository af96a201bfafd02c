import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { from, mergeAll, type Observable } from 'rxjs';

/**
 * Several interceptors as one, the first outermost. Nest puts each into two observables and an async scope of its own,
 * which costs more than what most of them do.
 */
export class InterceptorChain implements NestInterceptor {
  readonly #links: readonly NestInterceptor[];

  constructor(...links: NestInterceptor[]) {
    this.#links = links;
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return this.#from(0, context, next);
  }

  #from(index: number, context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const link = this.#links[index];
    if (link === undefined) return next.handle();
    const answer = link.intercept(context, { handle: () => this.#from(index + 1, context, next) });
    return answer instanceof Promise ? from(answer).pipe(mergeAll()) : answer;
  }
}
