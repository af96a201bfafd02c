import { sql } from 'drizzle-orm';
import {
  bigint,
  foreignKey,
  index,
  integer,
  jsonb,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { bytea, chancerySchema, tenantId, tenantPolicy } from '../platform/database/tenant-table.js';
import type { Attempt } from './delivery.js';

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/** Where a tenant wants to be told, and of what. Its signing secrets are wrapped under the platform secret. */
export const webhooks = chancerySchema.table(
  'webhooks',
  {
    tenantId: tenantId(),
    id: uuid('id').notNull(),
    url: text('url').notNull(),
    description: text('description'),
    events: jsonb('events').$type<readonly string[]>().notNull(),
    state: text('state', { enum: ['active', 'disabled'] }).notNull(),
    disabledReason: text('disabled_reason'),
    secret: bytea('secret').notNull(),
    /** The one before, which signs too until then. */
    previousSecret: bytea('previous_secret'),
    previousUntil: time('previous_until'),
    /** Since when no delivery has succeeded; null while they do. */
    failingSince: time('failing_since'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    deletedAt: time('deleted_at'),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.id] }), tenantPolicy('webhooks')],
);

/** One event on its way to one endpoint, and what became of it. What is sent is made from the entry each time. */
export const webhookDeliveries = chancerySchema.table(
  'webhook_deliveries',
  {
    tenantId: tenantId(),
    id: uuid('id').notNull(),
    webhookId: uuid('webhook_id').notNull(),
    eventId: uuid('event_id').notNull(),
    eventType: text('event_type').notNull(),
    /** The entry of the tenant's chain that it tells of. */
    seq: bigint('seq', { mode: 'number' }).notNull(),
    state: text('state', { enum: ['pending', 'delivered', 'failed', 'dropped'] }).notNull(),
    /** Since the last replay. */
    attempts: integer('attempts').notNull().default(0),
    nextAttemptAt: time('next_attempt_at'),
    /** The last attempts, oldest first. */
    log: jsonb('log').$type<readonly Attempt[]>().notNull(),
    createdAt: time('created_at').notNull(),
    finishedAt: time('finished_at'),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    foreignKey({ columns: [t.tenantId, t.webhookId], foreignColumns: [webhooks.tenantId, webhooks.id] }),
    uniqueIndex('webhook_deliveries_event').on(t.tenantId, t.webhookId, t.eventId),
    index('webhook_deliveries_of').on(t.tenantId, t.webhookId, t.id),
    index('webhook_deliveries_pending')
      .on(t.tenantId, t.webhookId)
      .where(sql`state = 'pending'`),
    tenantPolicy('webhook_deliveries'),
  ],
);
