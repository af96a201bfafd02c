import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { ClientBase } from 'pg';

declare const tenantTx: unique symbol;

/**
 * An open transaction on a connection that logged in as the tenant's own role. Only `TenantDatabase` makes one,
 * so a repository that asks for it cannot be called without a tenant (P5).
 */
export interface TenantTx {
  readonly [tenantTx]: true;
  readonly tenantId: string;
  readonly db: NodePgDatabase;
  readonly client: ClientBase;
}
