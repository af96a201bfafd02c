import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DpopKey } from '@chancery/client/dpop-key.js';
import { HttpClient } from '@chancery/client/http.js';
import { Client } from 'pg';
import { Pool } from 'undici';
import { EmbeddedCluster } from '../src/platform/database/embedded-cluster.js';
import { Door, personOf, signIn } from '../src/quickstart/doors.js';
import { holdPorts } from '../src/quickstart/free-ports.js';
import type { Prepared } from './load.js';
import { runBuilt, startOurs, type Started, startServer, stop } from './processes.js';

export const UPSTREAM_HOST = 'api.upstream.test';
const CREDENTIAL = 'bench_key';
const NO_LIMIT = '100000000';

export interface BenchTenant {
  readonly id: string;
  readonly admin: Door;
}

/** An agent with a token: all it takes to sign proofs beforehand. */
export interface BenchAgent {
  readonly key: DpopKey;
  readonly token: string;
}

/** A whole deployment on loopback: PostgreSQL, the server process, an HTTPS upstream, and doors into it. */
export interface World {
  readonly dir: string;
  readonly tenantUrl: string;
  readonly opsUrl: string;
  readonly serverPid: number;
  readonly postgresPid: number;
  /** The superuser's way into the server's database. */
  readonly adminUrl: string;
  readonly upstream: Started<{ port: number; certificate: string }>;
  readonly ops: Door;
  newTenant(): Promise<BenchTenant>;
  newAgent(tenant: BenchTenant): Promise<BenchAgent>;
  storeCredential(tenant: BenchTenant): Promise<void>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
  readonly postgresFlags?: readonly string[];
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const dir = mkdtempSync(path.join(tmpdir(), 'chancery-bench-'));
  const file = (name: string): string => path.join(dir, name);
  const flags = ['-c', 'max_connections=1200', ...(options.postgresFlags ?? [])];
  const cluster = await EmbeddedCluster.start({ dir: file('postgres'), flags });
  const upstream = await startOurs<{ port: number; certificate: string }>('upstream', { UPSTREAM_HOST });
  writeFileSync(file('ca.pem'), upstream.said.certificate);
  const adminUrl = await createDatabase(cluster.adminUrl);
  const held = await holdPorts([0, 0, 0]);
  await held.release();
  const [tenantPort, publicPort, opsPort] = held.ports;
  const env = {
    CHANCERY_ENV: 'development',
    TENANT_LISTEN: `127.0.0.1:${tenantPort}`,
    PUBLIC_LISTEN: `127.0.0.1:${publicPort}`,
    OPS_LISTEN: `127.0.0.1:${opsPort}`,
    DATABASE_URL: withoutLogin(adminUrl),
    DATABASE_ADMIN_URL: adminUrl,
    CHANCERY_PLATFORM_SECRET_FILE: file('platform-secret'),
    CHANCERY_KEYRING_DIR: file('keyring'),
    CHANCERY_CHECKPOINT_FILE: file('checkpoints.jsonl'),
    CHANCERY_RESOLVE: `${UPSTREAM_HOST}=127.0.0.1:${upstream.said.port}`,
    CHANCERY_EXTRA_CA: file('ca.pem'),
    RATE_ADDRESS_PER_MINUTE: NO_LIMIT,
    RATE_PRINCIPAL_PER_MINUTE: NO_LIMIT,
    USES_PER_MINUTE: NO_LIMIT,
    USES_AGENT_CONCURRENT: '10000',
    USES_TENANT_CONCURRENT: '100000',
    RATE_LOGIN_PER_MINUTE: '1000000',
    RATE_TOKEN_PER_MINUTE: '10000000',
    ...options.env,
  };
  const staff = JSON.parse(await runBuilt('setup.js', ['--staff-email', 'bench@example.com'], env)) as Shown;
  const server = await startServer(env, file('server.log'), options.nodeArgs);
  const tenantUrl = `http://127.0.0.1:${tenantPort}`;
  const opsUrl = `http://127.0.0.1:${opsPort}`;
  const http = { tenant: new HttpClient({ baseUrl: tenantUrl }), ops: new HttpClient({ baseUrl: opsUrl }) };
  const silent = (): void => undefined;
  const ops = await signIn(new Door(http.ops, null, silent), personOf('platform', staff));
  await ops.post('/v1/vault/initialize', { password: 'the master password of a bench' });
  let tenants = 0;
  let agents = 0;
  return {
    dir,
    tenantUrl,
    opsUrl,
    adminUrl,
    serverPid: server.pid,
    postgresPid: await postmasterPid(adminUrl),
    upstream,
    ops,
    newTenant: async () => {
      const namespace = `bench${(tenants += 1)}`;
      const body = { namespace, name: 'Bench', owner_email: `${namespace}@example.com` };
      const made = await ops.post<{ id: string; service_key: { key: string } }>('/v1/tenants', body);
      return { id: made.id, admin: new Door(http.tenant, made.service_key.key, silent) };
    },
    newAgent: async ({ admin }) => {
      const made = await admin.post<{ id: string; api_key: string }>('/v1/agents', { name: `agent${(agents += 1)}` });
      await admin.put(`/v1/credentials/${CREDENTIAL}/grants/${made.id}`);
      return tokenFor(tenantUrl, made);
    },
    storeCredential: async ({ admin }) => {
      const value = `sk-bench-${'x'.repeat(39)}`;
      const where = { allowed_domains: [UPSTREAM_HOST], minimum_tier: 'NOVICE' };
      await admin.post('/v1/credentials', { name: CREDENTIAL, value, ...where });
    },
    close: async () => {
      await Promise.all([http.tenant.close(), http.ops.close()]);
      await stop(server.child);
      await stop(upstream.child);
      await cluster.stop();
      await EmbeddedCluster.remove(file('postgres'));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** One proxied call, as every bench makes it. */
export function executeTarget({ tenantUrl: base }: World) {
  const headers = { authorization: 'Bearer {{CREDENTIAL}}' };
  const request = { method: 'GET', url: `https://${UPSTREAM_HOST}/v1/models`, headers };
  const body = JSON.stringify({ purpose: 'bench', request });
  return { method: 'POST', base, path: `/v1/credentials/${CREDENTIAL}/execute`, body } as const;
}

/** Straight to the API, past every proxy: what others are measured against. */
export function openDirect({ upstream: { said } }: World, connections: number): Pool {
  const connect = { ca: said.certificate, servername: UPSTREAM_HOST };
  return new Pool(`https://127.0.0.1:${said.port}`, { connections, connect });
}

export const directCalls = (count: number): Prepared[] =>
  Array.from({ length: count }, () => ({ method: 'GET', path: '/', headers: { host: UPSTREAM_HOST }, body: null }));

/** The same call, its answer streamed. */
export function streamTarget({ tenantUrl: base }: World) {
  const target = `/v1/credentials/${CREDENTIAL}/proxy/https/${UPSTREAM_HOST}/v1/models`;
  return { method: 'GET', base, path: target, body: null } as const;
}

type Shown = { email: string; password: string; otpauth_uri: string };

async function createDatabase(clusterUrl: string): Promise<string> {
  const client = new Client({ connectionString: clusterUrl });
  await client.connect();
  await client.query('create database chancery');
  await client.end();
  const url = new URL(clusterUrl);
  url.pathname = '/chancery';
  return url.href;
}

function withoutLogin(url: string): string {
  const { host, pathname } = new URL(url);
  return `postgresql://${host}${pathname}`;
}

/** As PostgreSQL itself wrote it down: what the embedded cluster started may be a shell of another user. */
async function postmasterPid(adminUrl: string): Promise<number> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  const { rows } = await client.query<{ data_directory: string }>('show data_directory');
  await client.end();
  return Number(readFileSync(path.join(rows[0]?.data_directory ?? '', 'postmaster.pid'), 'utf8').split('\n')[0]);
}

async function tokenFor(base: string, agent: { id: string; api_key: string }): Promise<BenchAgent> {
  const key = DpopKey.generate();
  const url = `${base}/oauth/token`;
  const form = { grant_type: 'client_credentials', client_id: agent.id, client_secret: agent.api_key };
  let nonce: string | undefined;
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const dpop = await key.proof({ method: 'POST', url, nonce, now: new Date() });
    const answer = await fetch(url, { method: 'POST', headers: { dpop }, body: new URLSearchParams(form) });
    nonce = answer.headers.get('dpop-nonce') ?? nonce;
    const body = (await answer.json()) as { access_token?: string; error?: string };
    if (body.access_token !== undefined) return { key, token: body.access_token };
    if (body.error !== 'use_dpop_nonce') throw new Error(`no token: ${JSON.stringify(body)}`);
  }
  throw new Error('no token: the nonce was not accepted');
}
