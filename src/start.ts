import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { PoolConfig } from 'pg';
import { AppModule } from './app.module.js';
import { GlobalBrake } from './brakes/global-brake.js';
import type { Config } from './config/environment.js';
import { scheduleJobs } from './jobs.js';
import { PlatformSecret } from './platform/crypto/platform-secret.js';
import { loginAs, readDatabaseAddress } from './platform/database/database-address.js';
import { assertDurable } from './platform/database/durability.js';
import { openEmbeddedDatabase } from './platform/database/embedded-database.js';
import { provisionDatabase } from './platform/database/provision.js';
import { rolePasswords } from './platform/database/role-passwords.js';
import { SERVICE_ROLES } from './platform/database/roles.js';
import { TenantDatabase } from './platform/database/tenant-database.js';
import { createHttpApp, type HttpApp } from './platform/http/bootstrap.js';
import type { Surface } from './platform/http/surface.js';
import { DialPolicy } from './platform/outbound/dial-policy.js';
import { JobQueue } from './platform/queue/job-queue.js';
import type { Log } from './platform/telemetry/logger.js';
import { SetUpPlatform } from './tenancy/set-up-platform.js';

export interface Chancery {
  readonly app: HttpApp['app'];
  readonly urls: Readonly<Record<Surface, string>>;
  /** The login that may do everything, where this process started the database or was given it. */
  readonly adminUrl: string | null;
  close(): Promise<void>;
}

export interface StartOptions {
  readonly config: Config;
  readonly log: Log;
  /** Where the SQL migrations are; beside the built code unless told otherwise. */
  readonly migrationsFolder?: string;
}

/** Database, migrations, application, listeners, in this order; `main.ts`, the quickstart and the tests start here. */
export async function startChancery({ config, log, migrationsFolder }: StartOptions): Promise<Chancery> {
  const secret = await platformSecret(config);
  const embedded = await openEmbedded(config, log);
  const adminUrl = embedded?.adminUrl ?? config.database.adminUrl;
  const address = readDatabaseAddress(config.database.url ?? adminUrl ?? '');
  try {
    if (adminUrl !== null) {
      const folder = migrationsFolder ?? fileURLToPath(new URL('../migrations', import.meta.url));
      const say = (line: string): void => log.info(line);
      await provisionDatabase({
        adminUrl,
        address,
        password: rolePasswords(secret),
        migrationsFolder: folder,
        log: say,
      });
    }
    const http = await createHttpApp(AppModule.at(address), { config, log, secret });
    try {
      if (adminUrl !== null) await http.app.get(SetUpPlatform).execute();
      await assertDurable(http.app.get(TenantDatabase));
      await http.app.get(GlobalBrake).start();
      const queue = await startJobs(http, config, log, loginAs(address, SERVICE_ROLES.queue, rolePasswords(secret)));
      const urls = await http.listen();
      keepToItself(http.app.get(DialPolicy), [...Object.values(urls), `tcp://${address.host}:${address.port}`]);
      const close = async (): Promise<void> => {
        await queue.stop();
        await http.close();
        await embedded?.cluster.stop();
      };
      return { app: http.app, urls, adminUrl, close };
    } catch (error) {
      await http.close().catch(() => undefined);
      throw error;
    }
  } catch (error) {
    await embedded?.cluster.stop();
    throw error;
  }
}

/** In development the secret is made at the first start; a production that lost its secret must not quietly get another. */
async function platformSecret({ platformSecretFile, environment }: Config): Promise<PlatformSecret> {
  const make = environment !== 'production' && !existsSync(platformSecretFile);
  return make ? PlatformSecret.generateFile(platformSecretFile) : PlatformSecret.fromFile(platformSecretFile);
}

async function openEmbedded({ database: { embeddedDir } }: Config, log: Log) {
  return embeddedDir === null ? null : openEmbeddedDatabase(embeddedDir, (line) => log.info(line));
}

/** The jobs run in this process, on PostgreSQL's queue or on Redis; a queue that cannot start is no start. */
async function startJobs(http: HttpApp, config: Config, log: Log, postgres: PoolConfig): Promise<JobQueue> {
  const queue = new JobQueue({ log, postgres, redisUrl: config.redisUrl });
  scheduleJobs(queue, http.app);
  await queue.start();
  return queue;
}

/** What Chancery listens on and depends on is never dialled for an agent (ATTACKS 17). */
function keepToItself(policy: DialPolicy, urls: readonly string[]): void {
  for (const url of urls) {
    if (!URL.canParse(url) || url.startsWith('unix:')) continue;
    const { hostname, port } = new URL(url);
    if (port !== '') policy.addOwn({ address: hostname, port: Number(port) });
  }
}
