import { sql } from 'drizzle-orm';
import { bigint, foreignKey, index, primaryKey, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { bytea, chancerySchema, tenantId, tenantPolicy } from '../platform/database/tenant-table.js';

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/** People of a tenant. The TOTP secret is wrapped under the platform secret, so that people can sign in while the vault is sealed. */
export const members = chancerySchema.table(
  'members',
  {
    tenantId: tenantId(),
    id: uuid('id').notNull(),
    email: text('email').notNull(),
    role: text('role', { enum: ['owner', 'admin', 'approver', 'auditor'] }).notNull(),
    passwordHash: text('password_hash').notNull(),
    totpSecret: bytea('totp_secret').notNull(),
    /** The last TOTP time step that was accepted: a code works once (RFC 6238 section 5.2). */
    totpLastStep: bigint('totp_last_step', { mode: 'number' }).notNull().default(0),
    createdAt: time('created_at').notNull(),
    removedAt: time('removed_at'),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    uniqueIndex('members_email')
      .on(t.tenantId, t.email)
      .where(sql`removed_at is null`),
    tenantPolicy('members'),
  ],
);

export const memberSessions = chancerySchema.table(
  'member_sessions',
  {
    tenantId: tenantId(),
    id: uuid('id').notNull(),
    memberId: uuid('member_id').notNull(),
    secretHash: bytea('secret_hash').notNull(),
    createdAt: time('created_at').notNull(),
    expiresAt: time('expires_at').notNull(),
    factorAt: time('factor_at').notNull(),
    revokedAt: time('revoked_at'),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    foreignKey({ columns: [t.tenantId, t.memberId], foreignColumns: [members.tenantId, members.id] }),
    index('member_sessions_member').on(t.tenantId, t.memberId),
    tenantPolicy('member_sessions'),
  ],
);
