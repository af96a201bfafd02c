import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

/** Logins of the deployment itself; tenants have one each, see `tenantRole`. None bypasses row-level security. */
export const SERVICE_ROLES = {
  migrator: 'chancery_migrator',
  provisioner: 'chancery_provisioner',
  directory: 'chancery_directory',
  scheduler: 'chancery_scheduler',
  queue: 'chancery_queue',
} as const;

/** NOLOGIN: owns every table. */
export const OWNER_ROLE = 'chancery_owner';
/** NOLOGIN: the group every tenant role is a member of; grants and policies name it. */
export const TENANT_GROUP = 'chancery_tenant';
/** The schema of every table of ours, and the one BullMQ keeps its queues in. */
export const SCHEMA = 'chancery';
export const QUEUE_SCHEMA = 'bullmq';

/** The PostgreSQL login of one tenant: `t_` and the 32 hex digits of its id. Policies read it back from `session_user`. */
export function tenantRole(tenantId: string): string {
  const hex = tenantId.replaceAll('-', '');
  if (!/^[0-9a-f]{32}$/.test(hex)) throw new Error('a tenant id is a lower-case UUID');
  return `t_${hex}`;
}

const SCRAM_ITERATIONS = 4096;

/**
 * The SCRAM-SHA-256 verifier PostgreSQL stores (RFC 5803), made here so that the password itself never
 * stands in a statement, a server log or `pg_stat_activity`.
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, SCRAM_ITERATIONS, 32, 'sha256');
  const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const stored = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64');
  const server = hmac(salted, 'Server Key').toString('base64');
  return `SCRAM-SHA-256$${SCRAM_ITERATIONS}:${salt.toString('base64')}$${stored}:${server}`;
}
