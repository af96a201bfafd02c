import { bigint, primaryKey, timestamp, uuid } from 'drizzle-orm/pg-core';
import { chancerySchema, tenantId, tenantPolicy } from '../platform/database/tenant-table.js';

/** The nodes that may admit uses, in rows of the platform’s tenant. */
export const nodeLeases = chancerySchema.table(
  'node_leases',
  {
    tenantId: tenantId(),
    bootId: uuid('boot_id').notNull(),
    /** By the database’s clock; for tidying up, for the sweep and for people. A node goes by its own clock (node-lease.ts). */
    leaseUntil: timestamp('lease_until', { withTimezone: true, precision: 3 }).notNull(),
    /** The node has obeyed the platform chain up to here. */
    acknowledgedSeq: bigint('acknowledged_seq', { mode: 'number' }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.bootId] }), tenantPolicy('node_leases')],
);
