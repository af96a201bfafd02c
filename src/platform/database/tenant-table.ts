import { sql } from 'drizzle-orm';
import { customType, pgPolicy, pgRole, pgSchema, uuid } from 'drizzle-orm/pg-core';
import { SCHEMA, TENANT_GROUP } from './roles.js';

export const chancerySchema = pgSchema(SCHEMA);
const tenantGroup = pgRole(TENANT_GROUP).existing();

export const bytea = customType<{ data: Buffer; driverData: Buffer }>({
  dataType: () => 'bytea',
});

/** The column every tenant table, unique index and foreign key begins with (design 5). */
export const tenantId = () => uuid('tenant_id').notNull();

/**
 * The row-level rule of every tenant table. `session_user` is who logged in: no setting, SET ROLE or
 * SECURITY DEFINER function reachable from injected SQL changes it.
 */
export const tenantPolicy = (table: string) =>
  pgPolicy(`${table}_own_tenant`, {
    as: 'permissive',
    for: 'all',
    to: tenantGroup,
    using: sql`tenant_id = substr(session_user::text, 3)::uuid`,
    withCheck: sql`tenant_id = substr(session_user::text, 3)::uuid`,
  });
