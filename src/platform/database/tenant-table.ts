import { sql } from 'drizzle-orm';
import { customType, pgPolicy, pgSchema, uuid } from 'drizzle-orm/pg-core';
import { SCHEMA } from './roles.js';

export const chancerySchema = pgSchema(SCHEMA);

export const bytea = customType<{ data: Buffer; driverData: Buffer }>({
  dataType: () => 'bytea',
});

/** The column every tenant table, unique index and foreign key begins with (design 5). */
export const tenantId = () => uuid('tenant_id').notNull();

/**
 * The row-level rule of every tenant table. `session_user` is who logged in: no setting, SET ROLE or
 * SECURITY DEFINER function reachable from injected SQL changes it. `TO public`, because a policy that names a group falls
 * with it: whoever is in the group can say DROP OWNED BY it, and PostgreSQL drops every such policy, of every table.
 */
export const tenantPolicy = (table: string) =>
  pgPolicy(`${table}_own_tenant`, {
    as: 'permissive',
    for: 'all',
    to: 'public',
    using: sql`tenant_id = substr(session_user::text, 3)::uuid`,
    withCheck: sql`tenant_id = substr(session_user::text, 3)::uuid`,
  });
