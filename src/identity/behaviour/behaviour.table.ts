import { sql } from 'drizzle-orm';
import { bigint, foreignKey, index, jsonb, primaryKey, timestamp, uuid } from 'drizzle-orm/pg-core';
import { chancerySchema, tenantId, tenantPolicy } from '../../platform/database/tenant-table.js';
import { agents } from '../agents.table.js';
import type { ObservedCall } from './observed-use.js';
import type { MinuteCount } from './window.js';

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });
const position = (name: string) => bigint(name, { mode: 'number' });

/** A call as it is kept: a hundred of them in one row, so without names. */
export type StoredCall = readonly [ObservedCall['seq'], ObservedCall['atMs'], ObservedCall['kind'], number | null];

/** How far a tenant's chain was followed, and when it must be looked at again though nothing happens in it. */
export const behaviourCursors = chancerySchema.table(
  'behaviour_cursors',
  { tenantId: uuid('tenant_id').primaryKey(), seq: position('seq').notNull(), dueAt: time('due_at') },
  () => [tenantPolicy('behaviour_cursors')],
);

/** What is remembered of each agent. All of it comes from the chain and could be made from it again. */
export const agentBehaviour = chancerySchema.table(
  'agent_behaviour',
  {
    tenantId: tenantId(),
    agentId: uuid('agent_id').notNull(),
    calls: jsonb('calls').$type<readonly StoredCall[]>().notNull(),
    minutes: jsonb('minutes').$type<readonly MinuteCount[]>().notNull(),
    tierSeq: position('tier_seq').notNull(),
    tierSince: time('tier_since'),
    tierCalls: position('tier_calls').notNull(),
    lowSince: time('low_since'),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.agentId] }),
    foreignKey({ columns: [t.tenantId, t.agentId], foreignColumns: [agents.tenantId, agents.id] }),
    index('agent_behaviour_low')
      .on(t.tenantId, t.agentId)
      .where(sql`low_since is not null`),
    tenantPolicy('agent_behaviour'),
  ],
);
