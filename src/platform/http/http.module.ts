import { Module, type DynamicModule } from '@nestjs/common';
import { CONFIG } from '../../config/config.token.js';
import type { Config } from '../../config/environment.js';
import { HealthController } from '../health/health.controller.js';
import { ReadinessChecks } from '../health/readiness-checks.js';
import { PlatformSecret } from '../crypto/platform-secret.js';
import { LOG, type Log } from '../telemetry/logger.js';
import { Metrics } from '../telemetry/metrics.js';
import { Cursors } from './pagination.js';
import { Refusals } from './refusals.js';
import { ReferenceController } from './reference.controller.js';
import { SecurityController } from './security.controller.js';
import { SurfaceOrigins } from './surface-origins.js';

const controllers = [HealthController, ReferenceController, SecurityController];

export type HttpModuleOptions = {
  config: Config;
  log: Log;
  origins: SurfaceOrigins;
  secret: PlatformSecret;
  refusals: Refusals;
  metrics: Metrics;
};

/** Global: what every feature may ask for, and the routes that belong to no feature. */
@Module({})
export class HttpModule {
  static with({ config, log, origins, secret, refusals, metrics }: HttpModuleOptions): DynamicModule {
    return {
      module: HttpModule,
      global: true,
      controllers,
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOG, useValue: log },
        { provide: SurfaceOrigins, useValue: origins },
        { provide: PlatformSecret, useValue: secret },
        { provide: Refusals, useValue: refusals },
        { provide: Metrics, useValue: metrics },
        { provide: Cursors, useFactory: () => new Cursors(secret.derive('cursor-mac')) },
        ReadinessChecks,
      ],
      exports: [CONFIG, LOG, SurfaceOrigins, PlatformSecret, Refusals, Metrics, Cursors, ReadinessChecks],
    };
  }
  /** For a preview, which resolves dependencies and instantiates none: the values are never looked at. */
  static forDocument(): DynamicModule {
    return HttpModule.with({} as HttpModuleOptions);
  }
}
