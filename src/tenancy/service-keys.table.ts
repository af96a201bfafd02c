import { primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { bytea, chancerySchema, tenantId, tenantPolicy } from '../platform/database/tenant-table.js';

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

export const serviceKeys = chancerySchema.table(
  'service_keys',
  {
    tenantId: tenantId(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
    role: text('role', { enum: ['admin', 'auditor'] }).notNull(),
    secretHash: bytea('secret_hash').notNull(),
    createdAt: time('created_at').notNull(),
    revokedAt: time('revoked_at'),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.id] }), tenantPolicy('service_keys')],
);
