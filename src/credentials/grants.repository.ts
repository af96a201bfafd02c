import { and, asc, count, desc, eq, gt, inArray, isNull } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { credentials, grants } from './credentials.table.js';

export type GrantRow = typeof grants.$inferSelect;

export async function insertGrant(tx: TenantTx, row: Omit<GrantRow, 'tenantId'>): Promise<void> {
  await tx.db.insert(grants).values({ ...row, tenantId: tx.tenantId });
}

export async function setGrantState(
  tx: TenantTx,
  agentId: string,
  credentialIds: readonly string[],
  state: GrantRow['state'],
) {
  await tx.db
    .update(grants)
    .set({ state })
    .where(
      and(
        eq(grants.tenantId, tx.tenantId),
        eq(grants.agentId, agentId),
        inArray(grants.credentialId, [...credentialIds]),
      ),
    );
}

export async function findGrant(tx: TenantTx, agentId: string, credentialId: string): Promise<GrantRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(grants)
    .where(and(eq(grants.tenantId, tx.tenantId), eq(grants.agentId, agentId), eq(grants.credentialId, credentialId)));
  return row;
}

/** A function deletes, because the right to DELETE would let a tenant lock the table against the others. */
export async function deleteGrant(tx: TenantTx, agentId: string, credentialId: string): Promise<void> {
  await tx.client.query('select delete_grants($1, $2)', [agentId, credentialId]);
}

export async function deleteGrantsOn(tx: TenantTx, credentialId: string): Promise<void> {
  await tx.client.query('select delete_grants(null, $1)', [credentialId]);
}

export async function listGrantsOn(
  tx: TenantTx,
  credentialId: string,
  afterAgentId: string | undefined,
  limit: number,
): Promise<GrantRow[]> {
  const after = afterAgentId === undefined ? undefined : gt(grants.agentId, afterAgentId);
  return tx.db
    .select()
    .from(grants)
    .where(and(eq(grants.tenantId, tx.tenantId), eq(grants.credentialId, credentialId), after))
    .orderBy(asc(grants.agentId))
    .limit(limit);
}

/** The active grants of an agent, newest first. */
export async function activeGrantsOf(tx: TenantTx, agentId: string): Promise<GrantRow[]> {
  return tx.db
    .select()
    .from(grants)
    .where(and(eq(grants.tenantId, tx.tenantId), eq(grants.agentId, agentId), eq(grants.state, 'active')))
    .orderBy(desc(grants.grantedAt), desc(grants.credentialId));
}

export async function countActiveGrants(tx: TenantTx, agentIds: readonly string[]): Promise<Map<string, number>> {
  if (agentIds.length === 0) return new Map();
  const rows = await tx.db
    .select({ agentId: grants.agentId, held: count() })
    .from(grants)
    .where(and(eq(grants.tenantId, tx.tenantId), inArray(grants.agentId, [...agentIds]), eq(grants.state, 'active')))
    .groupBy(grants.agentId);
  return new Map(rows.map((row) => [row.agentId, row.held]));
}

/** Names of the credentials an agent may use now, in their order. */
export async function namesGrantedTo(
  tx: TenantTx,
  agentId: string,
  afterName: string | undefined,
  limit: number,
): Promise<string[]> {
  const rows = await tx.db
    .select({ name: credentials.name })
    .from(grants)
    .innerJoin(credentials, and(eq(credentials.tenantId, grants.tenantId), eq(credentials.id, grants.credentialId)))
    .where(
      and(
        eq(grants.tenantId, tx.tenantId),
        eq(grants.agentId, agentId),
        eq(grants.state, 'active'),
        isNull(credentials.deletedAt),
        afterName === undefined ? undefined : gt(credentials.name, afterName),
      ),
    )
    .orderBy(asc(credentials.name))
    .limit(limit);
  return rows.map(({ name }) => name);
}
