import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  Optional,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, of, type Observable } from 'rxjs';
import { PlatformSecret } from '../crypto/platform-secret.js';
import { LOG, type Log } from '../telemetry/logger.js';
import { callerOf } from './caller.js';
import { fingerprint } from './fingerprint.js';
import { invalidRequest } from './http.errors.js';
import { idempotencyInProgress, idempotencyMismatch } from './idempotency.errors.js';
import { type IdempotencyScope, IdempotencyStore, type KeptAnswer } from './idempotency-store.js';
import { answerOf } from './returns.js';
import type { Answer } from './route-config.js';
import { withoutSecrets } from './shown-once.js';
import { present, Presented } from './view.js';

type Claim = Readonly<{ store: IdempotencyStore; scope: IdempotencyScope; key: string }>;

const KEEP_AGAIN_AFTER_MS = [100, 400] as const;
const KEY = /^[\x21-\x7e]{1,128}$/;

/**
 * `Idempotency-Key` on routes that ask for it. What is kept has passed the route's view.
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  readonly #macKey: Buffer;

  constructor(
    secret: PlatformSecret,
    @Inject(LOG) private readonly log: Log,
    /** Lives with the tenants' tables, above this room. */
    @Optional() private readonly store?: IdempotencyStore,
  ) {
    this.#macKey = secret.derive('idempotency-mac');
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> | Promise<Observable<unknown>> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const key = request.headers['idempotency-key'];
    if (key === undefined) return next.handle();
    if (typeof key !== 'string' || !KEY.test(key)) {
      throw invalidRequest([{ path: 'Idempotency-Key', message: 'must be 1 to 128 visible ASCII characters' }]);
    }
    // Ignoring the key would promise what nobody keeps.
    assert(this.store, 'no module provides an IdempotencyStore');
    const claim = { store: this.store, scope: scopeOf(request), key };
    return this.once(claim, request, http.getResponse<FastifyReply>(), () => this.act(claim, context, next));
  }

  private async once(
    { store, scope, key }: Claim,
    request: FastifyRequest,
    reply: FastifyReply,
    act: () => Promise<unknown>,
  ) {
    const { method, raw, body } = request;
    const mac = fingerprint(this.#macKey, { method, url: raw.url ?? '', body });
    const begun = await store.begin(scope, key, mac);
    switch (begun.state) {
      case 'in_progress':
        throw idempotencyInProgress();
      case 'mismatch':
        throw idempotencyMismatch();
      case 'done':
        return of(replay(reply, begun.answer));
      case 'new':
        return from(act());
    }
  }

  /** What failed may be tried again under the same key; names that are taken keep it from happening twice. */
  private async act({ store, scope, key }: Claim, context: ExecutionContext, next: CallHandler): Promise<unknown> {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const answer = answerOf(context.getHandler());
    assert(answer, 'every route says what it answers');
    let shown: Presented;
    try {
      shown = present(answer, await lastValueFrom(next.handle()));
    } catch (error) {
      await store.abandon(scope, key).catch((err: unknown) => this.log.warn({ err }, 'idempotency key not released'));
      throw error;
    }
    await this.keep({ store, scope, key }, { status: reply.statusCode, ...keptOf(answer, shown.body) });
    return shown;
  }

  /**
   * The act is done and committed: a failure to remember it must not turn its answer into an error. A database that is
   * short of connections for a moment is asked again; without the answer the key stays busy, and lapses.
   */
  private async keep({ store, scope, key }: Claim, answer: KeptAnswer): Promise<void> {
    for (const pauseMs of [...KEEP_AGAIN_AFTER_MS, null]) {
      try {
        await store.finish(scope, key, answer);
        return;
      } catch (err) {
        if (pauseMs === null) this.log.error({ err }, 'idempotent answer not kept');
        else await sleep(pauseMs);
      }
    }
  }
}

function keptOf(answer: Answer, body: unknown): Omit<KeptAnswer, 'status'> {
  if (answer.kind !== 'view') return { view: null, secretShownOnce: false };
  const { view, hidden } = withoutSecrets(answer.schema, body);
  return { view, secretShownOnce: hidden };
}

function scopeOf(request: FastifyRequest): IdempotencyScope {
  const caller = callerOf(request);
  assert(caller, 'an idempotent route needs a signed-in caller');
  return { ...caller, route: `${request.method} ${request.routeOptions.url}` };
}

function replay(reply: FastifyReply, { status, view, secretShownOnce }: KeptAnswer): Presented {
  void reply.code(status).header('Idempotency-Replayed', 'true');
  return new Presented(secretShownOnce ? { ...(view as object), secret_shown_once: true } : view);
}
