import { sql } from 'drizzle-orm';
import { bigint, foreignKey, primaryKey, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { agents } from '../identity/agents.table.js';
import { bytea, chancerySchema, tenantId, tenantPolicy } from '../platform/database/tenant-table.js';

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/** Emergency brakes, on and cleared. A credential is named by its id alone: a brake outlives what it covers. */
export const brakes = chancerySchema.table(
  'brakes',
  {
    tenantId: tenantId(),
    id: uuid('id').notNull(),
    scope: text('scope', { enum: ['global', 'tenant', 'agent', 'credential'] }).notNull(),
    agentId: uuid('agent_id'),
    credentialId: uuid('credential_id'),
    credentialName: text('credential_name'),
    reason: text('reason').notNull(),
    activatedAt: time('activated_at').notNull(),
    activatedBy: text('activated_by').notNull(),
    activatedSeq: bigint('activated_seq', { mode: 'number' }).notNull(),
    activatedHash: bytea('activated_hash').notNull(),
    clearedAt: time('cleared_at'),
    clearedBy: text('cleared_by'),
    clearReason: text('clear_reason'),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    foreignKey({ columns: [t.tenantId, t.agentId], foreignColumns: [agents.tenantId, agents.id] }),
    uniqueIndex('brakes_active')
      .on(t.tenantId, t.scope, sql`coalesce(agent_id, credential_id, '00000000-0000-0000-0000-000000000000'::uuid)`)
      .where(sql`cleared_at is null`),
    tenantPolicy('brakes'),
  ],
);
