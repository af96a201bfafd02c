import { boolean, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import { bytea, chancerySchema, tenantId, tenantPolicy } from '../platform/database/tenant-table.js';

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/** The deployment's own Ed25519 keys (tokens, checkpoints), wrapped under the platform secret. Rows of the platform tenant. */
export const signingKeys = chancerySchema.table(
  'signing_keys',
  {
    tenantId: tenantId(),
    kid: text('kid').notNull(),
    purpose: text('purpose', { enum: ['token', 'checkpoint'] }).notNull(),
    publicKey: bytea('public_key').notNull(),
    wrappedSeed: bytea('wrapped_seed').notNull(),
    active: boolean('active').notNull(),
    createdAt: time('created_at').notNull(),
    retiresAt: time('retires_at'),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.kid] }), tenantPolicy('signing_keys')],
);
