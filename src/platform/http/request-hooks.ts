import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../telemetry/logger.js';
import { methodNotAllowed, notFound } from './http.errors.js';
import type { Admission } from './admission.js';
import type { RateLimits } from './rate-limits.js';
import { pathOf } from './request-target.js';
import { RESPONSE_HEADERS } from './response-headers.js';
import { leaveBodyUnread } from './body-parsers.js';
import type { RequestTimes, TimedRoute } from './request-times.js';
import { settingsOf } from './route-config.js';
import { surfaceOf } from './surface.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export const ownHeaders = (request: FastifyRequest) => ({ 'X-Request-Id': request.id, ...RESPONSE_HEADERS });

/** What happens to every request, matched or not, before its body is read and after it is answered. */
export function registerRequestHooks(
  fastify: FastifyInstance,
  { log, limits, admission, times }: { log: Log; limits: RateLimits; admission: Admission; times: RequestTimes },
): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.headers(ownHeaders(request));
    try {
      limits.countAddress(request, reply);
    } catch (error) {
      return done(error as Error);
    }
    const { streamsBody, yieldsUnderLoad } = settingsOf(request);
    if (streamsBody) leaveBodyUnread(request);
    if (yieldsUnderLoad) return admission.enter(reply, done);
    if (!request.is404) return done();
    const allowed = allowedMethods(fastify, request);
    if (allowed.length === 0) return done(notFound());
    if (request.method === 'OPTIONS') return void reply.code(204).header('Allow', allowed.join(', ')).send();
    done(methodNotAllowed(allowed));
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.is404 ? null : (request.routeOptions.config as unknown as TimedRoute);
    logRequest(log, request, reply, route);
    times.count(surfaceOf(request.raw), route, reply.statusCode, reply.elapsedTime);
    done();
  });
}

/** What this path knows on this surface; the router is asked, so that no second table can disagree with it. */
function allowedMethods(fastify: FastifyInstance, request: FastifyRequest): string[] {
  const surface = surfaceOf(request.raw);
  if (!surface) return [];
  const url = pathOf(request.raw.url ?? '/');
  const found = METHODS.filter((method) => fastify.findRoute({ method, url, constraints: { surface } }));
  return found.length > 0 ? [...found, 'OPTIONS'] : [];
}

/** The pattern of the route, never its path: paths hold ids and names. */
function logRequest(log: Log, request: FastifyRequest, reply: FastifyReply, route: TimedRoute | null): void {
  log.info(
    {
      request_id: request.id,
      surface: surfaceOf(request.raw),
      method: request.method,
      route: route?.url ?? null,
      status: reply.statusCode,
      duration_ms: Math.round(reply.elapsedTime * 10) / 10,
    },
    'request',
  );
}
