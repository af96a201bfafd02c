import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../../config/config.token.js';
import type { Config } from '../../config/environment.js';
import { BootId } from '../boot-id.js';
import { Clock, SystemClock } from '../clock.js';
import { PlatformSecret } from '../crypto/platform-secret.js';
import { ReadinessChecks } from '../health/readiness-checks.js';
import { PLATFORM_TENANT_ID } from '../ids.js';
import { OutboxBacklog } from '../queue/outbox-backlog.js';
import { LOG, type Log } from '../telemetry/logger.js';
import { Metrics } from '../telemetry/metrics.js';
import { type DatabaseAddress, loginAs } from './database-address.js';
import { meterDatabase } from './database-metrics.js';
import { PolicyListener } from './policy-listener.js';
import { rolePasswords } from './role-passwords.js';
import { SERVICE_ROLES } from './roles.js';
import { ServiceDatabase } from './service-database.js';
import { TenantDatabase } from './tenant-database.js';
import { TenantPools } from './tenant-pools.js';

const WAITERS_MAX = 256;

/** Global: the tenants' connections, the deployment's own, the clock, and the name of this start. */
@Module({})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(
    private readonly pools: TenantPools,
    private readonly services: ServiceDatabase,
    private readonly listener: PolicyListener,
    database: TenantDatabase,
    readiness: ReadinessChecks,
    metrics: Metrics,
    @Inject(CONFIG) { database: { pool } }: Config,
  ) {
    meterDatabase(metrics, { pools, max: pool.totalMax, backlog: new OutboxBacklog(services) });
    readiness.add('database', async () => {
      await database.inTenant(PLATFORM_TENANT_ID, (tx) => tx.client.query('select 1'), { lane: 'control' });
      return { ready: true, state: 'ok' };
    });
  }

  static at(address: DatabaseAddress): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      providers: [
        BootId,
        { provide: Clock, useClass: SystemClock },
        {
          provide: TenantPools,
          inject: [CONFIG, PlatformSecret],
          useFactory: ({ database: { pool } }: Config, secret: PlatformSecret) =>
            new TenantPools(address, rolePasswords(secret), { ...pool, waitersMax: WAITERS_MAX }),
        },
        {
          provide: ServiceDatabase,
          inject: [PlatformSecret],
          useFactory: (secret: PlatformSecret) => new ServiceDatabase(address, rolePasswords(secret)),
        },
        {
          provide: TenantDatabase,
          inject: [TenantPools],
          useFactory: (pools: TenantPools) => new TenantDatabase(pools),
        },
        {
          // LISTEN needs a login and no right to anything.
          provide: PolicyListener,
          inject: [PlatformSecret, LOG],
          useFactory: (secret: PlatformSecret, log: Log) =>
            new PolicyListener(loginAs(address, SERVICE_ROLES.scheduler, rolePasswords(secret)), log),
        },
      ],
      exports: [BootId, Clock, TenantPools, TenantDatabase, ServiceDatabase, PolicyListener],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.listener.stop();
    await this.pools.close();
    await this.services.close();
  }
}
