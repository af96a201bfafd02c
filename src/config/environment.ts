import type { z } from 'zod';
import { environmentRules, type EnvironmentFault } from './environment-rules.js';
import { type Environment, environmentShape } from './environment-shape.js';
import type { ListenAddress } from './listen-address.js';

export type Config = Readonly<{
  environment: Environment['CHANCERY_ENV'];
  listen: Readonly<{ tenant: ListenAddress; public: ListenAddress; ops: ListenAddress }>;
  /** Exact base URLs; an empty list means: the address the listener was given. */
  origins: Readonly<{ tenant: readonly string[]; public: readonly string[]; ops: readonly string[] }>;
  tls: Readonly<{ certFile: string; keyFile: string }> | null;
  trustedProxies: readonly string[];
  /** Where reports of vulnerabilities go; a URI. */
  securityContact: string | null;
  database: Readonly<{
    /** Host, port and name, never a login: the app logs in with its own roles. */
    url: string | null;
    /** Only for migrations. */
    adminUrl: string | null;
    embeddedDir: string | null;
    pool: Readonly<{
      totalMax: number;
      tenantMax: number;
      controlReserve: number;
      waitMs: number;
      idleMs: number;
      lifetimeMs: number;
      opensPerSecond: number;
    }>;
  }>;
  redisUrl: string | null;
  jobs: Readonly<{ inline: boolean; everyMs: number }>;
  platformSecretFile: string;
  keyringDir: string;
  checkpointFile: string;
  outbound: Readonly<{
    /** Development only: names answered without DNS. */
    resolve: Environment['CHANCERY_RESOLVE'];
    /** Development only: name servers, `address:port`, asked instead of the system. */
    dnsServers: readonly string[];
    /** Development only: one more certificate authority. */
    extraCaFile: string | null;
    dialAllow: readonly string[];
    timeoutMs: number;
    responseBytesMax: number;
    /** Of a streamed body, either way. */
    streamBytesMax: number;
  }>;
  /** On all nodes together. */
  uses: Readonly<{ agentConcurrent: number; tenantConcurrent: number; perMinute: number; outcomeWaitMs: number }>;
  http: Readonly<{
    requestBytesMax: number;
    connectionsMax: number;
    drainMs: number;
    ratePerMinute: Readonly<{ address: number; principal: number; login: number; token: number }>;
  }>;
  logLevel: Environment['LOG_LEVEL'];
}>;

/** Refusing to start: says everything that is wrong at once, and never repeats a value (it may be a secret). */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
  constructor(readonly faults: readonly EnvironmentFault[]) {
    super(
      [
        `The environment has ${faults.length === 1 ? 'one fault' : `${faults.length} faults`}:`,
        ...faults.map(({ name, fault, example }) => `  ${name}: ${fault}${example ? ` (example: ${example})` : ''}`),
      ].join('\n'),
    );
  }
}

/** Reads and checks the whole environment. Throws one {@link EnvironmentError} that names every fault. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const faults: EnvironmentFault[] = [];
  const values: Record<string, unknown> = {};
  // Key by key, not the object at once: zod would hide the rules between variables until each one is right.
  for (const [name, schema] of Object.entries(environmentShape) as [string, z.ZodType][]) {
    const raw = env[name]?.trim();
    const parsed = schema.safeParse(raw === '' ? undefined : raw);
    if (parsed.success) values[name] = parsed.data;
    else faults.push({ name, ...faultOf(parsed.error, raw), ...exampleOf(schema) });
  }
  faults.push(...environmentRules(values));
  if (faults.length > 0) throw new EnvironmentError(faults);
  return configOf(values as Environment);
}

function faultOf(error: z.ZodError, raw: string | undefined): { fault: string } {
  if (raw === undefined || raw === '') return { fault: 'is required' };
  return { fault: error.issues.map((issue) => issue.message).join('; ') };
}

function exampleOf(schema: z.ZodType): { example?: string } {
  const example = schema.meta()?.['example'];
  return typeof example === 'string' ? { example } : {};
}

function configOf(env: Environment): Config {
  return {
    environment: env.CHANCERY_ENV,
    listen: { tenant: env.TENANT_LISTEN, public: env.PUBLIC_LISTEN, ops: env.OPS_LISTEN },
    origins: { tenant: env.TENANT_ORIGINS, public: env.PUBLIC_ORIGINS, ops: env.OPS_ORIGINS },
    tls: env.TLS_CERT_FILE && env.TLS_KEY_FILE ? { certFile: env.TLS_CERT_FILE, keyFile: env.TLS_KEY_FILE } : null,
    trustedProxies: env.CHANCERY_TRUSTED_PROXIES,
    securityContact: env.CHANCERY_SECURITY_CONTACT ?? null,
    database: {
      url: env.DATABASE_URL ?? null,
      adminUrl: env.DATABASE_ADMIN_URL ?? null,
      embeddedDir: env.CHANCERY_EMBEDDED_DIR ?? null,
      pool: {
        totalMax: env.POOL_TOTAL_MAX,
        tenantMax: env.POOL_TENANT_MAX,
        controlReserve: env.POOL_CONTROL_RESERVE,
        waitMs: env.POOL_WAIT_MS,
        idleMs: env.POOL_IDLE_MS,
        lifetimeMs: env.POOL_LIFETIME_MS,
        opensPerSecond: env.POOL_OPENS_PER_SECOND,
      },
    },
    redisUrl: env.REDIS_URL ?? null,
    jobs: { inline: env.CHANCERY_JOBS === 'inline', everyMs: env.JOBS_EVERY_MS },
    platformSecretFile: env.CHANCERY_PLATFORM_SECRET_FILE,
    keyringDir: env.CHANCERY_KEYRING_DIR,
    checkpointFile: env.CHANCERY_CHECKPOINT_FILE,
    outbound: {
      resolve: env.CHANCERY_RESOLVE,
      dnsServers: env.CHANCERY_DNS_SERVERS,
      extraCaFile: env.CHANCERY_EXTRA_CA ?? null,
      dialAllow: env.CHANCERY_DIAL_ALLOW,
      timeoutMs: env.UPSTREAM_TIMEOUT_MS,
      responseBytesMax: env.RESPONSE_BYTES_MAX,
      streamBytesMax: env.STREAM_BYTES_MAX,
    },
    uses: {
      agentConcurrent: env.USES_AGENT_CONCURRENT,
      tenantConcurrent: env.USES_TENANT_CONCURRENT,
      perMinute: env.USES_PER_MINUTE,
      outcomeWaitMs: env.OUTCOME_WAIT_MS,
    },
    http: {
      requestBytesMax: env.REQUEST_BYTES_MAX,
      connectionsMax: env.CONNECTIONS_MAX,
      drainMs: env.DRAIN_MS,
      ratePerMinute: {
        address: env.RATE_ADDRESS_PER_MINUTE,
        principal: env.RATE_PRINCIPAL_PER_MINUTE,
        login: env.RATE_LOGIN_PER_MINUTE,
        token: env.RATE_TOKEN_PER_MINUTE,
      },
    },
    logLevel: env.LOG_LEVEL,
  };
}
