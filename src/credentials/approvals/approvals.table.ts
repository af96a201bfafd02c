import { sql } from 'drizzle-orm';
import { foreignKey, index, integer, primaryKey, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { agents, agentSessions } from '../../identity/agents.table.js';
import { bytea, chancerySchema, tenantId, tenantPolicy } from '../../platform/database/tenant-table.js';
import { credentials } from '../credentials.table.js';

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/** What people were asked, and what they said. That an approval was used stands in the chain, not here. */
export const approvals = chancerySchema.table(
  'approvals',
  {
    tenantId: tenantId(),
    id: uuid('id').notNull(),
    kind: text('kind', { enum: ['use', 'session', 'access'] }).notNull(),
    state: text('state', { enum: ['pending', 'approved', 'refused', 'expired'] }).notNull(),
    agentId: uuid('agent_id').notNull(),
    /** Of a use. */
    credentialId: uuid('credential_id'),
    /** Of a use and of access: for access as it was typed, whether there is such a credential or not. */
    credentialName: text('credential_name'),
    version: integer('version'),
    method: text('method'),
    /** Without the query, like in the chain. */
    url: text('url'),
    requestHash: bytea('request_hash'),
    kekVersion: integer('kek_version'),
    /** What the approver sees, sealed under the tenant's key. */
    preview: bytea('preview'),
    sessionId: uuid('session_id'),
    /** The purpose of a use, the reason for access. */
    purpose: text('purpose'),
    requestedAt: time('requested_at').notNull(),
    /** Until when it waits for a person; once a use is approved, until when it waits for its agent. */
    expiresAt: time('expires_at').notNull(),
    decidedAt: time('decided_at'),
    decidedBy: text('decided_by'),
    decisionReason: text('decision_reason'),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    foreignKey({ columns: [t.tenantId, t.agentId], foreignColumns: [agents.tenantId, agents.id] }),
    foreignKey({ columns: [t.tenantId, t.credentialId], foreignColumns: [credentials.tenantId, credentials.id] }),
    foreignKey({ columns: [t.tenantId, t.sessionId], foreignColumns: [agentSessions.tenantId, agentSessions.id] }),
    index('approvals_waiting')
      .on(t.tenantId, t.agentId)
      .where(sql`state = 'pending'`),
    index('approvals_expiry').on(t.tenantId, t.expiresAt),
    uniqueIndex('approvals_session')
      .on(t.tenantId, t.sessionId)
      .where(sql`state = 'pending'`),
    tenantPolicy('approvals'),
  ],
);
