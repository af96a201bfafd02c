import type { ClientConfig } from 'pg';

/** Where the database is, without who logs in. */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly ssl: ClientConfig['ssl'];
}

/** Derives the password of a role from the platform secret. */
export type RolePassword = (role: string) => string;

const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 10_000;
/** For a server that fell silent: one that works ends the statement itself first. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 2_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;

/** Reads `postgresql://host:port/database?sslmode=…`; user and password in it are ignored. */
export function readDatabaseAddress(url: string): DatabaseAddress {
  const parsed = new URL(url);
  const socketDirectory = parsed.searchParams.get('host');
  const sslmode = parsed.searchParams.get('sslmode') ?? 'disable';
  return {
    host: socketDirectory ?? (decodeURIComponent(parsed.hostname) || '127.0.0.1'),
    port: parsed.port === '' ? 5432 : Number(parsed.port),
    database: decodeURIComponent(parsed.pathname.slice(1)) || 'chancery',
    ssl: sslmode === 'disable' ? false : { rejectUnauthorized: sslmode === 'verify-full' },
  };
}

/** The connection settings of one role: bounded waits, a fixed search path, no environment fallbacks. */
export function loginAs(address: DatabaseAddress, role: string, password: RolePassword): ClientConfig {
  return {
    host: address.host,
    port: address.port,
    database: address.database,
    ssl: address.ssl ?? false,
    user: role,
    password: password(role),
    application_name: 'chancery',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    // What a role's own settings may not undo.
    options: '-c search_path=chancery -c synchronous_commit=on -c default_transaction_read_only=off',
    keepAlive: true,
  };
}
