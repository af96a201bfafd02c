import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MASTER_PASSWORD_COST } from '../../src/keys/root-file.js';
import { Clock } from '../../src/platform/clock.js';
import { MEMBER_PASSWORD_COST } from '../../src/platform/crypto/password-hash.js';
import { PLATFORM_TENANT_ID, storedId } from '../../src/platform/ids.js';
import { createLog } from '../../src/platform/telemetry/logger.js';
import { type Chancery, startChancery } from '../../src/start.js';
import { cloneDatabase, FAST_PASSWORD_COST, openDatabase } from './database.js';
import { type Answer, DpopAgent } from './dpop-agent.js';
import { HostileUpstreams, UPSTREAM_HOST } from './hostile-upstream.js';
import { type Caller, callerOn, type IdentityApp, signedIn } from './identity.js';
import { queueEnv } from './queue-env.js';
import { testConfig } from './test-config.js';

export const MASTER_PASSWORD = 'the master password of this test';
export const UPSTREAM_URL = `https://${UPSTREAM_HOST}`;

/** A tenant as its people and services see it. */
export interface AppTenant {
  /** UUID. */
  readonly id: string;
  readonly namespace: string;
  /** A service key with the role `admin`. */
  readonly key: string;
  readonly admin: Caller;
  /** An owner whose second factor is fresh. */
  readonly human: Caller;
  /** What was shown once. */
  readonly owner: { readonly email: string; readonly password: string; readonly otpauth_uri: string };
}

/** The whole application as `main.ts` starts it, on free ports and a database of its own, with an API to call. */
export interface TestApp extends IdentityApp {
  /** A member of staff whose second factor is fresh. */
  readonly staff: Caller;
  readonly logged: Record<string, unknown>[];
  newTenant(): Promise<AppTenant>;
  newAgent(tenant: AppTenant, name: string, tier?: string): Promise<DpopAgent>;
  /** Ends the process's part and starts it again on the same data: sealed, with empty memories. */
  restart(): Promise<void>;
  /** Starts one more node on the same database, secret and keyring, known by the same origins; unsealed like the first. */
  join(env?: Readonly<Record<string, string>>): Promise<Chancery>;
}

export interface TestAppOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What `UPSTREAM_URL` answers. */
  readonly upstream?: RequestListener;
  /** Servers of the test's own, with their authority; closed with the application. */
  readonly upstreams?: HostileUpstreams;
  /** More names for the development resolver: host → `127.0.0.1:port`. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** How often the queue's watchdog looks; 15 seconds are long for a test that waits for it. */
  readonly queueWatchMs?: number;
  /** Leaves the vault as a first start finds it. */
  readonly uninitialized?: boolean;
}

export async function startApp(options: TestAppOptions = {}): Promise<TestApp> {
  const opened: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const end of opened.splice(0).reverse()) await end();
  };
  try {
    return await boot(options, opened, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function boot(options: TestAppOptions, opened: (() => unknown)[], close: () => Promise<void>): Promise<TestApp> {
  // Passwords are stretched for attackers, and there are none here. Both are the defaults of who asks for them.
  Object.assign(MASTER_PASSWORD_COST, FAST_PASSWORD_COST);
  Object.assign(MEMBER_PASSWORD_COST, FAST_PASSWORD_COST);
  const database = await cloneDatabase();
  opened.push(() => database.drop());
  const open = openDatabase(database);
  opened.push(() => open.close());
  const dir = mkdtempSync(path.join(tmpdir(), 'chancery-app-'));
  opened.push(() => rmSync(dir, { recursive: true, force: true }));
  const upstreams = options.upstreams ?? (await HostileUpstreams.create());
  opened.push(() => upstreams.closeAll());
  const upstream = await upstreams.https(options.upstream ?? ((_, response) => response.end('{}')));
  const ca = path.join(dir, 'upstream-ca.pem');
  writeFileSync(ca, upstreams.authority.certificate);
  const env: Readonly<Record<string, string>> = {
    DATABASE_URL: withoutLogin(database.adminUrl),
    CHANCERY_PLATFORM_SECRET_FILE: database.platformSecretFile,
    CHANCERY_KEYRING_DIR: path.join(dir, 'keyring'),
    CHANCERY_CHECKPOINT_FILE: path.join(dir, 'checkpoints.ndjson'),
    CHANCERY_RESOLVE: Object.entries({ [UPSTREAM_HOST]: `127.0.0.1:${upstream.port}`, ...options.hosts })
      .map((pair) => pair.join('='))
      .join(','),
    CHANCERY_EXTRA_CA: ca,
    RATE_ADDRESS_PER_MINUTE: '1000000',
    RATE_PRINCIPAL_PER_MINUTE: '1000000',
    USES_PER_MINUTE: '1000000',
    OUTCOME_WAIT_MS: '10',
    RATE_TOKEN_PER_MINUTE: '100000',
    RATE_LOGIN_PER_MINUTE: '100000',
    ...(await queueEnv()),
    ...options.env,
  };
  const logged: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void logged.push(JSON.parse(line) as Record<string, unknown>) };
  const log = createLog({ level: process.env.CHANCERY_TEST_LOG ?? 'info', destination });
  const clock = { aheadMs: 0 };

  const watch = options.queueWatchMs === undefined ? {} : { queueWatchMs: options.queueWatchMs };
  const start = async (more: Readonly<Record<string, string>> = {}): Promise<Chancery> => {
    const started = await startChancery({ config: testConfig({ ...env, ...more }), log, ...watch });
    jest.spyOn(started.app.get(Clock, { strict: false }), 'now').mockImplementation(() => Date.now() + clock.aheadMs);
    return started;
  };
  let chancery = await start();
  opened.push(() => chancery.close());
  let staff: Caller;
  let nodes = 1;
  const test: TestApp = {
    get app() {
      return chancery.app;
    },
    get at() {
      return chancery.urls;
    },
    get staff() {
      return staff;
    },
    database,
    open,
    clock,
    logged,
    newTenant: () => newTenant(test),
    newAgent: (tenant, name, tier) => newAgent(test, tenant, name, tier),
    restart: async () => {
      await chancery.close();
      chancery = await start();
      staff = callerOn(test.at.ops, await signedIn(test, PLATFORM_TENANT_ID, 'owner'));
    },
    join: async (more) => {
      const origins = Object.entries(chancery.urls).map(([surface, url]) => [`${surface.toUpperCase()}_ORIGINS`, url]);
      nodes += 1;
      const own = { CHANCERY_CHECKPOINT_FILE: path.join(dir, `checkpoints-${nodes}.ndjson`) };
      const node = await start({ ...(Object.fromEntries(origins) as Record<string, string>), ...own, ...more });
      opened.push(() => node.close());
      const there = callerOn(node.urls.ops, await signedIn(test, PLATFORM_TENANT_ID, 'owner'));
      expectStatus(await there('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }), 200);
      return node;
    },
    close,
  };
  staff = callerOn(test.at.ops, await signedIn(test, PLATFORM_TENANT_ID, 'owner'));
  if (options.uninitialized !== true)
    expectStatus(await staff('POST', '/v1/vault/initialize', { password: MASTER_PASSWORD }), 200);
  return test;
}

function withoutLogin(url: string): string {
  const { host, pathname } = new URL(url);
  return `postgresql://${host}${pathname}`;
}

/** What of an application a tenant is made through. */
export type Doors = Pick<TestApp, 'at' | 'staff' | 'open' | 'clock'> & Parameters<typeof signedIn>[0];

export async function newTenant(test: Doors): Promise<AppTenant> {
  const namespace = `n${randomBytes(8).toString('hex')}`;
  const body = { namespace, name: 'A tenant', owner_email: `${namespace}@example.com` };
  const made = await test.staff<{ id: string; owner: AppTenant['owner']; service_key: { key: string } }>(
    'POST',
    '/v1/tenants',
    body,
  );
  expectStatus(made, 201);
  const { owner, service_key: service } = made.body;
  const id = storedId('ten', made.body.id) ?? '';
  const human = callerOn(test.at.tenant, await signedIn(test, id, 'owner'));
  return { id, namespace, key: service.key, admin: callerOn(test.at.tenant, service.key), human, owner };
}

/** Registers, promotes and gets a token. */
export async function newAgent(
  test: Doors,
  { admin, human }: AppTenant,
  name: string,
  tier = 'COMPANION',
): Promise<DpopAgent> {
  const made = await admin<{ id: string; api_key: string }>('POST', '/v1/agents', { name });
  expectStatus(made, 201);
  if (tier !== 'NOVICE')
    expectStatus(await human('POST', `/v1/agents/${made.body.id}/promote`, { tier, reason: 'test' }), 200);
  const agent = new DpopAgent(
    test.at.tenant,
    made.body.id,
    made.body.api_key,
    undefined,
    () => Date.now() + test.clock.aheadMs,
  );
  expectStatus(await agent.token(), 200);
  return agent;
}

/** Stores a credential for `UPSTREAM_URL` and grants it. */
export async function storeCredential(
  { admin }: AppTenant,
  name: string,
  value: string,
  options: { readonly grantTo?: readonly DpopAgent[]; readonly more?: Readonly<Record<string, unknown>> } = {},
): Promise<void> {
  expectStatus(
    await admin('POST', '/v1/credentials', { name, value, allowed_domains: [UPSTREAM_HOST], ...options.more }),
    201,
  );
  for (const agent of options.grantTo ?? []) {
    expectStatus(await admin('PUT', `/v1/credentials/${name}/grants/${agent.id}`), 200);
  }
}

/** One use: a GET with the credential as a bearer token, unless told otherwise. */
export function execute(
  agent: DpopAgent,
  name: string,
  request: Readonly<Record<string, unknown>> = {},
  more: Readonly<Record<string, unknown>> = {},
): Promise<Answer> {
  const asked = {
    method: 'GET',
    url: `${UPSTREAM_URL}/`,
    headers: { authorization: 'Bearer {{CREDENTIAL}}' },
    ...request,
  };
  return agent.call('POST', `/v1/credentials/${name}/execute`, {}, { purpose: 'test', request: asked, ...more });
}

export function expectStatus(answer: { readonly status: number; readonly body: unknown }, status: number): void {
  if (answer.status !== status)
    throw new Error(`${answer.status} instead of ${status}: ${JSON.stringify(answer.body)}`);
}
