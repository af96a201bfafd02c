import assert from 'node:assert/strict';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, of, type Observable } from 'rxjs';
import { lastValueFrom } from 'rxjs';
import type { Log } from '../telemetry/logger.js';
import { callerOf } from './caller.js';
import { fingerprint } from './fingerprint.js';
import { invalidRequest } from './http.errors.js';
import { idempotencyInProgress, idempotencyMismatch } from './idempotency.errors.js';
import type { IdempotencyScope, IdempotencyStore, KeptAnswer } from './idempotency-store.js';
import { isIdempotent } from './idempotent.js';
import { answerOf } from './returns.js';
import { withoutSecrets } from './shown-once.js';

const KEY = /^[\x21-\x7e]{1,128}$/;

/**
 * `Idempotency-Key` on routes that ask for it. Outside the view interceptor, so that what is kept has passed the view.
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly store: IdempotencyStore,
    private readonly macKey: Buffer,
    private readonly log: Log,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> | Promise<Observable<unknown>> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const key = request.headers['idempotency-key'];
    if (key === undefined || !isIdempotent(context.getHandler())) return next.handle();
    if (typeof key !== 'string' || !KEY.test(key)) {
      throw invalidRequest([{ path: 'Idempotency-Key', message: 'must be 1 to 128 visible ASCII characters' }]);
    }
    return this.once(key, request, http.getResponse<FastifyReply>(), context.getHandler(), next);
  }

  private async once(key: string, request: FastifyRequest, reply: FastifyReply, handler: object, next: CallHandler) {
    const scope = scopeOf(request);
    const { method, raw, body } = request;
    const mac = fingerprint(this.macKey, { method, url: raw.url ?? '', body });
    const begun = await this.store.begin(scope, key, mac);
    switch (begun.state) {
      case 'in_progress':
        throw idempotencyInProgress();
      case 'mismatch':
        throw idempotencyMismatch();
      case 'done':
        return of(replay(reply, begun.answer));
      case 'new':
        return from(this.first(scope, key, reply, handler, next));
    }
  }

  private async first(scope: IdempotencyScope, key: string, reply: FastifyReply, handler: object, next: CallHandler) {
    let answer: unknown;
    try {
      answer = await lastValueFrom(next.handle());
    } catch (error) {
      await this.store
        .abandon(scope, key)
        .catch((err: unknown) => this.log.warn({ err }, 'idempotency key not released'));
      throw error;
    }
    const declared = answerOf(handler);
    const { view, hidden } =
      declared?.kind === 'view' ? withoutSecrets(declared.schema, answer) : { view: null, hidden: false };
    // The act is done and committed: a failure to remember it must not turn its answer into an error.
    await this.store
      .finish(scope, key, { status: reply.statusCode, view, secretShownOnce: hidden })
      .catch((err: unknown) => this.log.error({ err }, 'idempotent answer not kept'));
    return answer;
  }
}

function scopeOf(request: FastifyRequest): IdempotencyScope {
  const caller = callerOf(request);
  assert(caller, 'an idempotent route needs a signed-in caller');
  return { ...caller, route: `${request.method} ${request.routeOptions.url}` };
}

function replay(reply: FastifyReply, { status, view, secretShownOnce }: KeptAnswer): unknown {
  void reply.code(status).header('Idempotency-Replayed', 'true');
  return secretShownOnce ? { ...(view as object), secret_shown_once: true } : view;
}
