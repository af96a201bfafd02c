import { sql } from 'drizzle-orm';
import { bigint, boolean, index, jsonb, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { bytea, chancerySchema, tenantId, tenantPolicy } from '../platform/database/tenant-table.js';

/** One row a tenant: where its chain ends, and how often its policy changed. Every decision is a compare-and-swap on it. */
export const chainHead = chancerySchema.table(
  'chain_head',
  {
    tenantId: uuid('tenant_id').primaryKey(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    hash: bytea('hash').notNull(),
    /** Raised by a statement trigger on every table a decision reads. */
    epoch: bigint('epoch', { mode: 'number' }).notNull(),
    /** No open intent stands at or before this position. */
    sweptSeq: bigint('swept_seq', { mode: 'number' }).notNull().default(0),
    /** Whether anybody wants to be told of notable entries: if not, none is put into the outbox. */
    watched: boolean('watched').notNull().default(false),
  },
  () => [tenantPolicy('chain_head')],
);

/** The chain itself. Every column is part of the hashed body: there is nothing here that could be altered unnoticed. */
export const auditEntries = chancerySchema.table(
  'audit_entries',
  {
    tenantId: tenantId(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    at: timestamp('at', { withTimezone: true, precision: 3 }).notNull(),
    actor: text('actor').notNull(),
    action: text('action').notNull(),
    outcome: text('outcome').notNull(),
    details: jsonb('details').notNull(),
    salt: bytea('salt').notNull(),
    prev: bytea('prev').notNull(),
    hash: bytea('hash').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.seq] }),
    index('audit_entries_intents')
      .on(t.tenantId, t.seq)
      .where(sql`outcome = 'intent'`),
    index('audit_entries_outcomes')
      .on(t.tenantId, sql`((details->>'intent')::bigint)`)
      .where(sql`details ? 'intent'`),
    // Whether an approval was spent is asked of the chain itself: a use and what it spends are one row.
    index('audit_entries_approvals')
      .on(t.tenantId, sql`(details->>'approval')`)
      .where(sql`outcome = 'intent' and details ? 'approval'`),
    // The last seal is an order to every node, and each looks for it with every renewal of its lease.
    index('audit_entries_seals')
      .on(t.tenantId, t.seq)
      .where(sql`action = 'vault.seal'`),
    index('audit_entries_anomalies')
      .on(t.tenantId, sql`(details->>'agent')`, t.at)
      .where(sql`action = 'agent.anomaly'`),
    // A finding is reported once, however often it is found.
    index('audit_entries_findings')
      .on(t.tenantId, t.seq)
      .where(sql`action = 'audit.verification_failed'`),
    tenantPolicy('audit_entries'),
  ],
);
