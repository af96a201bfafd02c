import type { Environment } from './environment-shape.js';

export type EnvironmentFault = { name: string; fault: string; example?: string };

type Rule = (env: Partial<Environment>) => EnvironmentFault | false | undefined;

const LOOPBACK = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:|$)/;
const inProduction = (env: Partial<Environment>) => env.CHANCERY_ENV === 'production';

/** A connection over a Unix socket leaves the machine as little as one with verified TLS leaves it unread. */
function leavesUnread(databaseUrl: string): boolean {
  const { hostname, searchParams } = new URL(databaseUrl);
  const socket = searchParams.get('host')?.startsWith('/') ?? false;
  return (hostname === '' && socket) || searchParams.get('sslmode') === 'verify-full';
}

const originsAreTls =
  (name: 'TENANT_ORIGINS' | 'PUBLIC_ORIGINS' | 'OPS_ORIGINS'): Rule =>
  (env) => {
    if (!inProduction(env)) return;
    const origins = env[name] ?? [];
    if (origins.length === 0) return { name, fault: 'is required in production', example: 'https://api.example.com' };
    return (
      origins.some((origin) => !origin.startsWith('https:') && !LOOPBACK.test(origin)) && {
        name,
        fault: 'must be https in production',
      }
    );
  };

const developmentOnly =
  (name: 'CHANCERY_RESOLVE' | 'CHANCERY_DNS_SERVERS' | 'CHANCERY_EXTRA_CA' | 'CHANCERY_EMBEDDED_DIR'): Rule =>
  (env) => {
    const value = env[name];
    const set = Array.isArray(value) ? value.length > 0 : value !== undefined;
    return (
      inProduction(env) && set && { name, fault: 'is for development only and refused when CHANCERY_ENV is production' }
    );
  };

const verified =
  (name: 'DATABASE_URL' | 'DATABASE_ADMIN_URL'): Rule =>
  (env) => {
    const url = env[name];
    return (
      inProduction(env) &&
      url !== undefined &&
      !leavesUnread(url) && {
        name,
        fault: 'needs sslmode=verify-full (or a socket) in production',
        example: 'postgresql://db.internal:5432/chancery?sslmode=verify-full',
      }
    );
  };

const rules: readonly Rule[] = [
  (env) => {
    if (env.DATABASE_URL === undefined) return;
    const { username, password, searchParams } = new URL(env.DATABASE_URL);
    const login = username || password || searchParams.has('user') || searchParams.has('password');
    return (
      !!login && {
        name: 'DATABASE_URL',
        fault: 'must not carry a login: every role logs in with a password of its own',
      }
    );
  },
  (env) =>
    'DATABASE_URL' in env &&
    env.DATABASE_URL === undefined &&
    'CHANCERY_EMBEDDED_DIR' in env &&
    env.CHANCERY_EMBEDDED_DIR === undefined && {
      name: 'DATABASE_URL',
      fault: 'is required (or CHANCERY_EMBEDDED_DIR in development)',
      example: 'postgresql://db.internal:5432/chancery?sslmode=verify-full',
    },
  (env) =>
    env.DATABASE_URL !== undefined &&
    env.CHANCERY_EMBEDDED_DIR !== undefined && {
      name: 'CHANCERY_EMBEDDED_DIR',
      fault: 'cannot stand beside DATABASE_URL: choose one',
    },
  (env) =>
    'TLS_CERT_FILE' in env &&
    'TLS_KEY_FILE' in env &&
    (env.TLS_CERT_FILE === undefined) !== (env.TLS_KEY_FILE === undefined) && {
      name: env.TLS_CERT_FILE === undefined ? 'TLS_CERT_FILE' : 'TLS_KEY_FILE',
      fault: 'is missing: certificate and key come together',
    },
  (env) =>
    (env.POOL_CONTROL_RESERVE ?? 0) >= (env.POOL_TOTAL_MAX ?? Infinity) && {
      name: 'POOL_CONTROL_RESERVE',
      fault: 'must be smaller than POOL_TOTAL_MAX',
    },
  (env) =>
    (env.POOL_TENANT_MAX ?? 0) > (env.POOL_TOTAL_MAX ?? Infinity) && {
      name: 'POOL_TENANT_MAX',
      fault: 'must not be larger than POOL_TOTAL_MAX',
    },
  originsAreTls('TENANT_ORIGINS'),
  originsAreTls('PUBLIC_ORIGINS'),
  originsAreTls('OPS_ORIGINS'),
  developmentOnly('CHANCERY_RESOLVE'),
  developmentOnly('CHANCERY_DNS_SERVERS'),
  developmentOnly('CHANCERY_EXTRA_CA'),
  developmentOnly('CHANCERY_EMBEDDED_DIR'),
  verified('DATABASE_URL'),
  verified('DATABASE_ADMIN_URL'),
];

/** What no variable can be blamed for alone. Values that are missing here were faulty by themselves. */
export function environmentRules(env: Partial<Environment>): EnvironmentFault[] {
  return rules.map((rule) => rule(env)).filter((fault) => fault !== false && fault !== undefined);
}
