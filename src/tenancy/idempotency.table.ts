import { index, integer, jsonb, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import { bytea, chancerySchema, tenantId, tenantPolicy } from '../platform/database/tenant-table.js';

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/** Answers already given to an Idempotency-Key; `view` never holds a field that is shown once. */
export const idempotencyKeys = chancerySchema.table(
  'idempotency_keys',
  {
    tenantId: tenantId(),
    /** Principal and route. */
    scope: text('scope').notNull(),
    key: text('key').notNull(),
    fingerprint: bytea('fingerprint').notNull(),
    /** Null while the first request is still at work. */
    status: integer('status'),
    view: jsonb('view'),
    createdAt: time('created_at').notNull(),
    expiresAt: time('expires_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.scope, t.key] }),
    index('idempotency_keys_expiry').on(t.tenantId, t.expiresAt),
    tenantPolicy('idempotency_keys'),
  ],
);
