import type { ServerResponse } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../telemetry/logger.js';
import type { Admission } from './admission.js';
import { registerBodyParsers } from './body-parsers.js';
import type { RateLimits } from './rate-limits.js';
import { notFound } from './http.errors.js';
import type { Refusals } from './refusals.js';
import { newRequestId } from './request-id.js';
import { ownHeaders, registerRequestHooks } from './request-hooks.js';
import { sendProblem } from './send-problem.js';
import type { RequestTimes } from './request-times.js';
import { settingsOf } from './route-config.js';
import { assertOwnSurface, surfaceConstraint } from './surface-constraint.js';
import { present, Presented } from './view.js';

/** Room for names in percent-encoded UTF-8. */
const PARAM_CHARS_MAX = 512;

export type AdapterOptions = {
  log: Log;
  limits: RateLimits;
  admission: Admission;
  refusals: Refusals;
  times: RequestTimes;
  requestBytesMax: number;
  trustedProxies: readonly string[];
};

/** Nest's Fastify adapter, with our parsers, our errors and surfaces as a routing constraint; it never listens. */
export class ChanceryAdapter extends FastifyAdapter {
  readonly #settings: AdapterOptions;

  constructor(settings: AdapterOptions) {
    super({
      logger: false,
      genReqId: newRequestId,
      requestIdHeader: false,
      bodyLimit: settings.requestBytesMax,
      trustProxy: settings.trustedProxies.length > 0 ? [...settings.trustedProxies] : false,
      return503OnClosing: false,
      skipMiddie: true,
      // What the router itself refuses passes no hook.
      frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
        sendProblem(error, request, reply.headers(ownHeaders(request)), settings),
      routerOptions: { maxParamLength: PARAM_CHARS_MAX, constraints: { surface: surfaceConstraint } },
    } as never);
    this.#settings = settings;
    const fastify = this.getInstance() as FastifyInstance;
    fastify.addHook('onRoute', assertOwnSurface());
    registerRequestHooks(fastify, settings);
    // What matched a route but leaves a parameter empty: Nest gives it back, behind our hooks.
    fastify.setNotFoundHandler((request, reply) => sendProblem(notFound(), request, reply, settings));
  }

  override registerParserMiddleware(): void {
    registerBodyParsers(this.getInstance(), this.#settings.requestBytesMax);
  }

  /** Unknown routes are answered in `onRequest`, before their body is read. */
  override setNotFoundHandler(): FastifyInstance {
    return this.getInstance() as FastifyInstance;
  }

  /** Every handler's result leaves here, as its view shows it. */
  override reply(response: FastifyReply | ServerResponse, value: unknown, status?: number): FastifyReply {
    // Nest answers raw responses only where it runs middleware; there is none.
    const reply = response as FastifyReply;
    const { answer } = settingsOf(reply.request);
    if (answer === undefined || answer.kind === 'raw' || reply.sent) return super.reply(reply, value, status);
    if (status !== undefined) void reply.code(status);
    return reply.send((value instanceof Presented ? value : present(answer, value)).body);
  }

  /** Keeps errors whole for the filter; Nest would copy their messages into answers. */
  override mapException(error: unknown): unknown {
    return error;
  }
}
