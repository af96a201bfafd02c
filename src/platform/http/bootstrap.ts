import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '../../config/environment.js';
import type { PlatformSecret } from '../crypto/platform-secret.js';
import type { Log } from '../telemetry/logger.js';
import { Metrics } from '../telemetry/metrics.js';
import { NestLogger } from '../telemetry/nest-logger.js';
import { Admission } from './admission.js';
import { ChanceryAdapter } from './chancery-adapter.js';
import { meterHttp } from './http-metrics.js';
import { HttpModule } from './http.module.js';
import { Listener } from './listener.js';
import { ProblemFilter } from './problem.filter.js';
import { PrincipalRateGuard } from './principal-rate.guard.js';
import { RateLimits } from './rate-limits.js';
import { Refusals } from './refusals.js';
import { RequestTimes } from './request-times.js';
import { SURFACES, type Surface } from './surface.js';
import { SurfaceOrigins } from './surface-origins.js';
import { ValidationPipe } from './validation.js';

export type HttpApp = {
  app: NestFastifyApplication;
  origins: SurfaceOrigins;
  /** Binds all three listeners; says where each one is (`http://…`, `https://…` or `unix:…`). */
  listen(): Promise<Readonly<Record<Surface, string>>>;
  /** Stops accepting, drains, then takes the modules down. */
  close(): Promise<void>;
};

class RootModule {}

/** One Nest application on three listeners; `main.ts`, the tests and the quickstart all start here. */
export async function createHttpApp(
  feature: Type | DynamicModule,
  { config, log, secret }: { config: Config; log: Log; secret: PlatformSecret },
): Promise<HttpApp> {
  const origins = new SurfaceOrigins(config.origins);
  const limits = new RateLimits(config.http.ratePerMinute);
  const admission = new Admission();
  const refusals = new Refusals();
  const times = new RequestTimes();
  const metrics = new Metrics();
  meterHttp(metrics, { times, refusals, admission });
  const adapter = new ChanceryAdapter({
    log,
    limits,
    admission,
    refusals,
    times,
    requestBytesMax: config.http.requestBytesMax,
    trustedProxies: config.trustedProxies,
  });
  const root = {
    module: RootModule,
    imports: [HttpModule.with({ config, log, origins, secret, refusals, metrics }), feature],
  };
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: new NestLogger(log),
    abortOnError: false,
  });
  app.useGlobalFilters(new ProblemFilter({ log, refusals }));
  app.useGlobalPipes(new ValidationPipe());
  // No global interceptors: one of them would take every request of every route through RxJS.
  app.useGlobalGuards(new PrincipalRateGuard(limits));
  await app.init();
  const fastify = app.getHttpAdapter().getInstance();
  await fastify.ready();

  const listeners = SURFACES.map((surface) => ({
    surface,
    listener: new Listener({
      surface,
      address: config.listen[surface],
      tls: config.tls,
      connectionsMax: config.http.connectionsMax,
      log,
      refused: (status) => times.count(surface, null, status, 0),
      handle: (request, response) => fastify.routing(request, response),
    }),
  }));
  const closeListeners = (deadlineMs: number) =>
    Promise.all(listeners.map(({ listener }) => listener.close(deadlineMs)));

  return {
    app,
    origins,
    async listen() {
      const at: Partial<Record<Surface, string>> = {};
      try {
        for (const { surface, listener } of listeners) {
          const url = await listener.listen();
          at[surface] = url;
          origins.adopt(surface, url.startsWith('unix:') ? 'http://localhost' : url);
        }
      } catch (error) {
        await closeListeners(0);
        throw error;
      }
      log.info({ ...at }, 'listening');
      return at as Record<Surface, string>;
    },
    async close() {
      await closeListeners(config.http.drainMs);
      admission.stop();
      await app.close();
    },
  };
}
