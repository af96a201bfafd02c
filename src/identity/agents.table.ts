import { foreignKey, index, integer, jsonb, primaryKey, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { bytea, chancerySchema, tenantId, tenantPolicy } from '../platform/database/tenant-table.js';

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

export const agents = chancerySchema.table(
  'agents',
  {
    tenantId: tenantId(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
    tier: text('tier', { enum: ['NOVICE', 'COMPANION', 'PARTNER', 'GUARDIAN', 'SACRED'] }).notNull(),
    state: text('state', { enum: ['active', 'suspended', 'revoked'] }).notNull(),
    apiKeyId: uuid('api_key_id').notNull(),
    apiKeyHash: bytea('api_key_hash').notNull(),
    /** Who was ever shown an API key of this agent, as the chain names them: none of them approves its requests. */
    keyHolders: jsonb('key_holders').$type<readonly string[]>().notNull().default([]),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    uniqueIndex('agents_name').on(t.tenantId, t.name),
    uniqueIndex('agents_api_key').on(t.tenantId, t.apiKeyId),
    tenantPolicy('agents'),
  ],
);

/** A session is an agent and the thumbprint of a key made for it; the key itself is never here. */
export const agentSessions = chancerySchema.table(
  'agent_sessions',
  {
    tenantId: tenantId(),
    id: uuid('id').notNull(),
    agentId: uuid('agent_id').notNull(),
    jkt: text('jkt').notNull(),
    /** `pending` and `approved` exist only for SACRED agents, whose every session a person approves. */
    state: text('state', { enum: ['pending', 'approved', 'active'] }).notNull(),
    tier: text('tier').notNull(),
    renewalsUsed: integer('renewals_used').notNull().default(0),
    createdAt: time('created_at').notNull(),
    expiresAt: time('expires_at').notNull(),
    approvedBy: text('approved_by'),
    revokedAt: time('revoked_at'),
    revokedReason: text('revoked_reason'),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    foreignKey({ columns: [t.tenantId, t.agentId], foreignColumns: [agents.tenantId, agents.id] }),
    uniqueIndex('agent_sessions_key').on(t.tenantId, t.agentId, t.jkt),
    index('agent_sessions_expiry').on(t.tenantId, t.expiresAt),
    tenantPolicy('agent_sessions'),
  ],
);

/** Proof ids seen by requests that leave no audit entry of their own; pruned after five minutes. */
export const dpopJtis = chancerySchema.table(
  'dpop_jtis',
  { tenantId: tenantId(), jtiHash: bytea('jti_hash').notNull(), seenAt: time('seen_at').notNull() },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.jtiHash] }),
    index('dpop_jtis_seen').on(t.tenantId, t.seenAt),
    tenantPolicy('dpop_jtis'),
  ],
);
