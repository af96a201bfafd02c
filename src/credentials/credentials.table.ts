import { sql } from 'drizzle-orm';
import {
  boolean,
  foreignKey,
  integer,
  jsonb,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { agents } from '../identity/agents.table.js';
import { bytea, chancerySchema, tenantId, tenantPolicy } from '../platform/database/tenant-table.js';
import type { Binding } from './binding.js';
import type { FieldShape } from './credential-fields.js';
import type { Injection } from './injection.js';
import { APPROVALS } from './protection.js';

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

export const credentials = chancerySchema.table(
  'credentials',
  {
    tenantId: tenantId(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
    minimumTier: text('minimum_tier', { enum: ['NOVICE', 'COMPANION', 'PARTNER', 'GUARDIAN', 'SACRED'] }).notNull(),
    version: integer('version').notNull(),
    redact: boolean('redact').notNull(),
    /** Where it goes when the request names no place; null: the request must. */
    injection: jsonb('injection').$type<Injection>(),
    approval: text('approval', { enum: APPROVALS }).notNull().default('none'),
    /** Uses per minute and agent; null: no limit of its own. */
    perMinute: integer('per_minute'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    deletedAt: time('deleted_at'),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    uniqueIndex('credentials_name')
      .on(t.tenantId, t.name)
      .where(sql`deleted_at is null`),
    tenantPolicy('credentials'),
  ],
);

/** One sealed value. A retired version has lost its key and ciphertext; its number stays taken. */
export const credentialVersions = chancerySchema.table(
  'credential_versions',
  {
    tenantId: tenantId(),
    credentialId: uuid('credential_id').notNull(),
    version: integer('version').notNull(),
    binding: jsonb('binding').$type<Binding>().notNull(),
    /** What a value of several fields consists of; null for a plain value. Hashed with the binding. */
    fields: jsonb('fields').$type<FieldShape>(),
    kekVersion: integer('kek_version').notNull(),
    wrappedDek: bytea('wrapped_dek'),
    ciphertext: bytea('ciphertext'),
    state: text('state', { enum: ['current', 'grace', 'retired'] }).notNull(),
    /** When a version in grace stops being usable. */
    expiresAt: time('expires_at'),
    createdAt: time('created_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.credentialId, t.version] }),
    foreignKey({ columns: [t.tenantId, t.credentialId], foreignColumns: [credentials.tenantId, credentials.id] }),
    uniqueIndex('credential_versions_current')
      .on(t.tenantId, t.credentialId)
      .where(sql`state = 'current'`),
    tenantPolicy('credential_versions'),
  ],
);

export const grants = chancerySchema.table(
  'grants',
  {
    tenantId: tenantId(),
    agentId: uuid('agent_id').notNull(),
    credentialId: uuid('credential_id').notNull(),
    /** Suspended by a demotion: the tier's number no longer covers it. */
    state: text('state', { enum: ['active', 'suspended'] }).notNull(),
    grantedAt: time('granted_at').notNull(),
    grantedBy: text('granted_by').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.agentId, t.credentialId] }),
    foreignKey({ columns: [t.tenantId, t.agentId], foreignColumns: [agents.tenantId, agents.id] }),
    foreignKey({ columns: [t.tenantId, t.credentialId], foreignColumns: [credentials.tenantId, credentials.id] }),
    tenantPolicy('grants'),
  ],
);
