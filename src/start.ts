import { existsSync } from 'node:fs';
import path from 'node:path';
import { AppModule } from './app.module.js';
import { StartupCheck } from './audit/startup-check.js';
import { BrakeRestoredDatabase } from './brakes/brake-restored-database.js';
import { GlobalBrake } from './brakes/global-brake.js';
import type { Config } from './config/environment.js';
import { handleOutbox, reportQueues, scheduleJobs } from './jobs.js';
import { PlatformSecret } from './platform/crypto/platform-secret.js';
import { type DatabaseAddress, loginAs, readDatabaseAddress } from './platform/database/database-address.js';
import { assertDurable } from './platform/database/durability.js';
import { openEmbeddedDatabase } from './platform/database/embedded-database.js';
import { PolicyListener } from './platform/database/policy-listener.js';
import { provisionDatabase } from './platform/database/provision.js';
import { rolePasswords } from './platform/database/role-passwords.js';
import { SERVICE_ROLES } from './platform/database/roles.js';
import { ServiceDatabase } from './platform/database/service-database.js';
import { TenantDatabase } from './platform/database/tenant-database.js';
import { createHttpApp, type HttpApp } from './platform/http/bootstrap.js';
import type { Surface } from './platform/http/surface.js';
import { DialPolicy } from './platform/outbound/dial-policy.js';
import { PACKAGE_ROOT } from './platform/package-root.js';
import { JobQueue } from './platform/queue/job-queue.js';
import { OutboxQueue } from './platform/queue/outbox-queue.js';
import type { Log } from './platform/telemetry/logger.js';
import { SetUpPlatform } from './tenancy/set-up-platform.js';

/** How soon after its act an event is on its way, at the latest. */
const OUTBOX_EVERY_MS = 500;

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
  /** How often the queue's watchdog looks, unless as often as it always does. */
  readonly queueWatchMs?: number;
  /** What comes last before the listeners bind, such as giving back ports that were held for them. */
  readonly beforeListening?: () => Promise<void>;
}

/** Database, migrations, application, listeners, in this order; `main.ts`, the quickstart and the tests start here. */
export function startChancery(options: StartOptions): Promise<Chancery> {
  return undoneOnFailure(async (opened) => {
    const { config, log, migrationsFolder, queueWatchMs, beforeListening } = options;
    const secret = await platformSecret(config);
    const embedded = await openEmbedded(config, log);
    if (embedded !== null) opened.push(() => embedded.cluster.stop());
    const adminUrl = embedded?.adminUrl ?? config.database.adminUrl;
    const address = readDatabaseAddress(config.database.url ?? adminUrl ?? '');
    if (adminUrl !== null) {
      const folder = migrationsFolder ?? path.join(PACKAGE_ROOT, 'migrations');
      const say = (line: string): void => log.info(line);
      const password = rolePasswords(secret);
      await provisionDatabase({ adminUrl, address, password, migrationsFolder: folder, log: say });
    }
    const http = await createHttpApp(AppModule.at(address), { config, log, secret });
    opened.push(() => http.close());
    if (adminUrl !== null) await http.app.get(SetUpPlatform).execute();
    await assertDurable(http.app.get(TenantDatabase));
    http.app.get(PolicyListener).start();
    await http.app.get(GlobalBrake).start();
    await http.app.get(BrakeRestoredDatabase, { strict: false }).execute();
    if (config.jobs.inline) {
      const queue = await startJobs(http, config, log, address, secret, queueWatchMs);
      opened.push(() => queue.stop());
    }
    await beforeListening?.();
    const urls = await http.listen();
    keepToItself(http.app.get(DialPolicy), [...Object.values(urls), `tcp://${address.host}:${address.port}`]);
    return { app: http.app, urls, adminUrl };
  });
}

/** The jobs alone, without a listener, on a database that another process keeps. */
export function startWorker({ config, log }: StartOptions): Promise<{ close(): Promise<void> }> {
  return undoneOnFailure(async (opened) => {
    if (config.database.url === null) throw new Error('a worker needs a DATABASE_URL; it starts no database itself');
    const secret = await PlatformSecret.fromFile(config.platformSecretFile);
    const address = readDatabaseAddress(config.database.url);
    const http = await createHttpApp(AppModule.at(address), { config, log, secret });
    opened.push(() => http.close());
    await assertDurable(http.app.get(TenantDatabase));
    const { behind, before } = await http.app.get(StartupCheck).execute();
    // Its jobs append, and would hide from the server's start what that one must see.
    if (behind.length > 0 || before !== null) throw new Error('the database was restored: start the server first');
    const queue = await startJobs(http, config, log, address, secret);
    opened.push(() => queue.stop());
    log.info('working');
    return {};
  });
}

/** What was opened is closed in the opposite order: at the end, or when the start fails half-way. */
async function undoneOnFailure<T extends object>(
  start: (opened: (() => Promise<unknown>)[]) => Promise<T>,
): Promise<T & { close(): Promise<void> }> {
  const opened: (() => Promise<unknown>)[] = [];
  try {
    const started = await start(opened);
    const close = async (): Promise<void> => {
      for (const end of opened.splice(0).reverse()) await end();
    };
    return { ...started, close };
  } catch (error) {
    for (const end of opened.reverse()) await end().catch(() => undefined);
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

/** On PostgreSQL's queue or on Redis; a queue that cannot start is no start. */
async function startJobs(
  { app }: HttpApp,
  { redisUrl, jobs }: Config,
  log: Log,
  address: DatabaseAddress,
  secret: PlatformSecret,
  watchMs?: number,
): Promise<{ stop(): Promise<unknown> }> {
  const postgres = loginAs(address, SERVICE_ROLES.queue, rolePasswords(secret));
  const store = { log, postgres, redisUrl, ...(watchMs !== undefined && { watchMs }) };
  const queue = new JobQueue(store);
  scheduleJobs(queue, app, jobs.everyMs);
  const outbox = new OutboxQueue({
    queue: store,
    relay: { everyMs: Math.min(jobs.everyMs, OUTBOX_EVERY_MS) },
    database: app.get(TenantDatabase),
    services: app.get(ServiceDatabase),
  });
  handleOutbox(outbox, app);
  reportQueues(app, [queue, outbox]);
  const stop = () => Promise.all([queue.stop(), outbox.stop()]);
  try {
    await queue.start();
    await outbox.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}

/** What Chancery listens on and depends on is never dialled for an agent (ATTACKS 17). */
function keepToItself(policy: DialPolicy, urls: readonly string[]): void {
  for (const url of urls) {
    if (!URL.canParse(url) || url.startsWith('unix:')) continue;
    const { hostname, port } = new URL(url);
    if (port !== '') policy.addOwn({ address: hostname, port: Number(port) });
  }
}
