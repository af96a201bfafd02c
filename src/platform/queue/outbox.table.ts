import { sql } from 'drizzle-orm';
import { index, integer, jsonb, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { chancerySchema, tenantId, tenantPolicy } from '../database/tenant-table.js';

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/**
 * Work that must not be lost: a row commits with the act that asks for it. The scheduler's login sees which tenant has
 * something due, and nothing of what it is (design 5, 8).
 */
export const outbox = chancerySchema.table(
  'outbox',
  {
    tenantId: tenantId(),
    id: uuid('id').notNull(),
    queue: text('queue').notNull(),
    payload: jsonb('payload').notNull(),
    dueAt: time('due_at').notNull(),
    /** When it was last put into the queue; the queue may have lost it since. */
    relayedAt: time('relayed_at'),
    doneAt: time('done_at'),
    /** How often somebody began with it. */
    attempts: integer('attempts').notNull().default(0),
    /** Who works on it now, and until when nobody else may. */
    leaseToken: uuid('lease_token'),
    leaseUntil: time('lease_until'),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    index('outbox_open')
      .on(t.tenantId, t.dueAt)
      .where(sql`done_at is null`),
    tenantPolicy('outbox'),
  ],
);
