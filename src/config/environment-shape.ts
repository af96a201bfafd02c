import { z } from 'zod';
import {
  filePath,
  list,
  listen,
  networks,
  optional,
  origins,
  readNameServer,
  readResolve,
  url,
  whole,
} from './environment-fields.js';

const http = 'Listeners';
const database = 'Database';
const keys = 'Keys and evidence';
const limits = 'Limits';
const outbound = 'Outbound calls';
const jobs = 'Jobs';

/** The whole environment, variable by variable; `.env.example` and the reference are made from it. */
export const environmentShape = {
  CHANCERY_ENV: z
    .enum(['production', 'development', 'test'], 'must be production, development or test')
    .default('production')
    .meta({
      group: 'Mode',
      description: 'production refuses everything that is for development only.',
      example: 'production',
    }),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'must be a pino level')
    .default('info')
    .meta({
      group: 'Mode',
      description: 'How much is logged: fatal, error, warn, info, debug, trace or silent.',
      example: 'info',
    }),

  TENANT_LISTEN: listen('127.0.0.1:8080', {
    group: http,
    description: 'Where tenants and their agents connect: host:port or unix:/path (mode 0600).',
    example: '127.0.0.1:8080',
  }),
  PUBLIC_LISTEN: listen('127.0.0.1:8081', {
    group: http,
    description: 'Where the world connects.',
    example: '127.0.0.1:8081',
  }),
  OPS_LISTEN: listen('127.0.0.1:8082', {
    group: http,
    description: "Where the operator's staff connects. A socket keeps it off the network.",
    example: 'unix:/run/chancery/ops.sock',
  }),
  TENANT_ORIGINS: origins({
    group: http,
    description:
      'Exact base URLs of the tenant surface as its clients see them, comma separated. DPoP proofs are checked against these.',
    example: 'https://api.example.com',
  }),
  PUBLIC_ORIGINS: origins({
    group: http,
    description: 'The same for the public surface.',
    example: 'https://public.example.com',
  }),
  OPS_ORIGINS: origins({
    group: http,
    description: 'The same for the ops surface.',
    example: 'https://ops.example.com',
  }),
  TLS_CERT_FILE: optional(
    filePath({
      group: http,
      description: 'Certificate chain (PEM). With it this process speaks TLS 1.3 and nothing else.',
      example: '/etc/chancery/tls.crt',
    }),
  ),
  TLS_KEY_FILE: optional(
    filePath({
      group: http,
      description: 'Its private key (PEM).',
      example: '/etc/chancery/tls.key',
    }),
  ),
  CHANCERY_TRUSTED_PROXIES: networks({
    group: http,
    description: 'Networks of TLS terminators whose X-Forwarded-For names the client, for rate limits only.',
    example: '10.0.0.0/8',
  }),
  CHANCERY_SECURITY_CONTACT: optional(
    url(['https:', 'mailto:'], {
      group: http,
      description:
        'Where this deployment takes reports of vulnerabilities, for security.txt. Without it the policy page is named.',
      example: 'mailto:security@example.com',
    }),
  ),

  DATABASE_URL: optional(
    url(['postgresql:', 'postgres:'], {
      group: database,
      description:
        'Host, port and database, without a login: every role logs in with its own password. Production needs sslmode=verify-full, or a socket.',
      example: 'postgresql://db.internal:5432/chancery?sslmode=verify-full',
    }),
  ),
  DATABASE_ADMIN_URL: optional(
    url(['postgresql:', 'postgres:'], {
      group: database,
      description: 'A login that may create roles, for migrations only. Leave it out of the running service.',
      example: 'postgresql://postgres@db.internal:5432/chancery?sslmode=verify-full',
    }),
  ),
  CHANCERY_EMBEDDED_DIR: optional(
    filePath({
      group: database,
      description: 'Start an embedded PostgreSQL in this folder instead of using DATABASE_URL. Not in production.',
      example: './.chancery/postgres',
    }),
  ),
  REDIS_URL: optional(
    url(['redis:', 'rediss:'], {
      group: database,
      description: 'Queue on Redis. Without it the queue lives in PostgreSQL.',
      example: 'rediss://redis.internal:6379',
    }),
  ),
  CHANCERY_JOBS: z.enum(['inline', 'off'], 'must be inline or off').default('inline').meta({
    group: jobs,
    description: 'inline: this process runs the jobs too. off: another one does, started with `node dist/worker.js`.',
    example: 'inline',
  }),
  JOBS_EVERY_MS: whole(60_000, 100, 3_600_000, {
    group: jobs,
    description: 'How often checkpoints are signed and overdue intents marked unknown.',
  }),

  POOL_TOTAL_MAX: whole(40, 4, 10_000, {
    group: database,
    description: 'Database connections of this process, all tenants together.',
  }),
  POOL_TENANT_MAX: whole(4, 3, 64, {
    group: database,
    description: 'Database connections of one tenant. Its login has 40 on all nodes together.',
  }),
  POOL_CONTROL_RESERVE: whole(4, 1, 64, {
    group: database,
    description: 'Connections kept free for brakes and revocations.',
  }),
  POOL_WAIT_MS: whole(2_000, 10, 60_000, {
    group: database,
    description: 'How long a request waits for a connection before it is answered 503.',
  }),
  POOL_IDLE_MS: whole(90_000, 1_000, 3_600_000, { group: database, description: 'When an idle connection is closed.' }),
  POOL_LIFETIME_MS: whole(1_800_000, 10_000, 86_400_000, {
    group: database,
    description: 'When a connection is replaced.',
  }),
  POOL_OPENS_PER_SECOND: whole(50, 1, 10_000, { group: database, description: 'New database connections a second.' }),

  CHANCERY_PLATFORM_SECRET_FILE: filePath({
    group: keys,
    description: '32 random bytes, mode 0600. Opens no credential; database logins and MACs are derived from it.',
    example: '/var/lib/chancery/platform-secret',
  }),
  CHANCERY_KEYRING_DIR: filePath({
    group: keys,
    description: 'The wrapped keys. Keep it out of the database backup: destroying it shreds every credential.',
    example: '/var/lib/chancery/keyring',
  }),
  CHANCERY_CHECKPOINT_FILE: filePath({
    group: keys,
    description: 'Append-only file of signed audit checkpoints, outside the database.',
    example: '/var/lib/chancery/checkpoints.jsonl',
  }),

  CHANCERY_DIAL_ALLOW: networks({
    group: outbound,
    description: 'Private networks that upstream names may resolve to. Empty: public addresses only.',
    example: '10.20.0.0/16',
  }),
  CHANCERY_RESOLVE: list(readResolve, 'must be name=127.0.0.1:port', {
    group: outbound,
    description: 'Development only: names answered without DNS.',
    example: 'api.upstream.test=127.0.0.1:9443',
  }),
  CHANCERY_DNS_SERVERS: list(readNameServer, 'must be 127.0.0.1:port', {
    group: outbound,
    description: 'Development only: ask these name servers about upstreams, not the system.',
    example: '127.0.0.1:5353',
  }),
  CHANCERY_EXTRA_CA: optional(
    filePath({
      group: outbound,
      description: 'Development only: one more certificate authority (PEM) for upstreams.',
      example: './.chancery/upstream-ca.pem',
    }),
  ),
  UPSTREAM_TIMEOUT_MS: whole(120_000, 100, 240_000, {
    group: outbound,
    description: 'The longest an upstream call may take, whatever the caller asks for.',
  }),
  RESPONSE_BYTES_MAX: whole(10_485_760, 1_024, 104_857_600, {
    group: outbound,
    description: 'The largest upstream answer.',
  }),
  STREAM_BYTES_MAX: whole(1_073_741_824, 1_024, 1_099_511_627_776, {
    group: outbound,
    description: 'The most a streamed request or answer may carry in its body.',
  }),

  REQUEST_BYTES_MAX: whole(1_048_576, 1_024, 104_857_600, { group: limits, description: 'The largest request body.' }),
  CONNECTIONS_MAX: whole(4_096, 1, 100_000, { group: limits, description: 'Open connections of one listener.' }),
  DRAIN_MS: whole(10_000, 0, 600_000, {
    group: limits,
    description: 'How long requests in flight may finish at shutdown.',
  }),
  USES_AGENT_CONCURRENT: whole(64, 1, 10_000, {
    group: limits,
    description: 'Uses of credentials that one agent may have under way, on all nodes together.',
  }),
  USES_TENANT_CONCURRENT: whole(512, 1, 100_000, {
    group: limits,
    description: 'Uses of credentials that one tenant may have under way, on all nodes together.',
  }),
  USES_PER_MINUTE: whole(6_000, 1, 100_000_000, {
    group: limits,
    description: 'Uses of one credential by one agent in a minute, where the credential itself says nothing.',
  }),
  OUTCOME_WAIT_MS: whole(750, 0, 1_000, {
    group: limits,
    description: 'How long what became of a use may wait for the next batch of its tenant before it goes into the log.',
  }),
  RATE_ADDRESS_PER_MINUTE: whole(6_000, 1, 100_000_000, {
    group: limits,
    description: 'Requests a minute from one client address.',
  }),
  RATE_PRINCIPAL_PER_MINUTE: whole(6_000, 1, 100_000_000, {
    group: limits,
    description: 'Requests a minute of one signed-in principal.',
  }),
  RATE_LOGIN_PER_MINUTE: whole(20, 1, 1_000_000, {
    group: limits,
    description: 'Sign-in attempts a minute from one client address.',
  }),
  RATE_TOKEN_PER_MINUTE: whole(300, 1, 10_000_000, {
    group: limits,
    description: 'Token requests a minute from one client address.',
  }),
} as const;

export type Environment = z.output<z.ZodObject<typeof environmentShape>>;
