import { and, desc, eq, gt, inArray, lt, lte, sql, type SQL } from 'drizzle-orm';
import type { TenantTx } from '../../platform/database/tenant-tx.js';
import type { ApprovalKind, ApprovalState } from './approval.js';
import { approvals } from './approvals.table.js';

export type ApprovalRow = typeof approvals.$inferSelect;
type NewApproval = Omit<typeof approvals.$inferInsert, 'tenantId' | 'decidedAt' | 'decidedBy' | 'decisionReason'>;

const inTenant = (tx: TenantTx) => eq(approvals.tenantId, tx.tenantId);

export async function insertApproval(tx: TenantTx, row: NewApproval): Promise<ApprovalRow> {
  const [stored] = await tx.db
    .insert(approvals)
    .values({ ...row, tenantId: tx.tenantId })
    .returning();
  return stored as ApprovalRow;
}

export async function findApproval(tx: TenantTx, id: string): Promise<ApprovalRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(approvals)
    .where(and(inTenant(tx), eq(approvals.id, id)));
  return row;
}

/** What waits for a person about one agent. At most a handful: see `PENDING_PER_AGENT_MAX`. */
export function pendingOf(tx: TenantTx, agentId: string, now: Date): Promise<ApprovalRow[]> {
  return tx.db
    .select()
    .from(approvals)
    .where(
      and(inTenant(tx), eq(approvals.agentId, agentId), eq(approvals.state, 'pending'), gt(approvals.expiresAt, now)),
    );
}

export async function pendingForSession(tx: TenantTx, sessionId: string): Promise<ApprovalRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(approvals)
    .where(and(inTenant(tx), eq(approvals.sessionId, sessionId), eq(approvals.state, 'pending')));
  return row;
}

/** Uses whose time is not up, or was a while ago at most. */
export function recentUses(tx: TenantTx, expiringAfter: Date): Promise<ApprovalRow[]> {
  return tx.db
    .select()
    .from(approvals)
    .where(and(inTenant(tx), eq(approvals.kind, 'use'), gt(approvals.expiresAt, expiringAfter)));
}

const SPENT = sql`exists (select from chancery.audit_entries e where e.tenant_id = ${approvals.tenantId}
  and e.outcome = 'intent' and e.details ? 'approval'
  and e.details->>'approval' = 'apr_' || replace(${approvals.id}::text, '-', ''))`;

/** What `stateAt` says of a row, as a condition on rows. */
function isInState(state: ApprovalState, now: Date): SQL | undefined {
  const lapses = sql`(${approvals.state} = 'pending' or ${approvals.state} = 'approved' and ${approvals.kind} = 'use')`;
  const over = lte(approvals.expiresAt, now);
  switch (state) {
    case 'used':
      return and(eq(approvals.kind, 'use'), SPENT);
    case 'refused':
      return eq(approvals.state, 'refused');
    case 'expired':
      return sql`(${approvals.state} = 'expired' or ${lapses} and ${over}) and not ${SPENT}`;
    case 'pending':
      return and(eq(approvals.state, 'pending'), sql`not ${over}`);
    case 'approved':
      return and(eq(approvals.state, 'approved'), sql`not (${lapses} and ${over})`, sql`not ${SPENT}`);
  }
}

export interface ApprovalPage {
  readonly state: ApprovalState | undefined;
  readonly kind: ApprovalKind | undefined;
  readonly beforeId: string | undefined;
  readonly limit: number;
}

/** Newest first. */
export function listApprovals(tx: TenantTx, page: ApprovalPage, now: Date): Promise<ApprovalRow[]> {
  const before = page.beforeId === undefined ? undefined : lt(approvals.id, page.beforeId);
  const state = page.state === undefined ? undefined : isInState(page.state, now);
  const kind = page.kind === undefined ? undefined : eq(approvals.kind, page.kind);
  return tx.db
    .select()
    .from(approvals)
    .where(and(inTenant(tx), before, state, kind))
    .orderBy(desc(approvals.id))
    .limit(page.limit);
}

export type Decision = Pick<ApprovalRow, 'state' | 'decidedAt' | 'decidedBy' | 'decisionReason' | 'expiresAt'>;

export async function decideApproval(tx: TenantTx, id: string, decision: Decision): Promise<ApprovalRow> {
  const [row] = await tx.db
    .update(approvals)
    .set(decision)
    .where(and(inTenant(tx), eq(approvals.id, id)))
    .returning();
  if (row === undefined) throw new Error('the approval was there a statement ago');
  return row;
}

/** What was used stays among the open ones; the sweep does not look at all of it for ever. */
const SWEPT_FOR_MS = 30 * 24 * 60 * 60_000;

/** Those whose time is up and that nobody has marked yet; an approved use may have been used in time. */
export function overdueApprovals(tx: TenantTx, now: Date, limit: number): Promise<ApprovalRow[]> {
  const lapses = sql`(${approvals.state} = 'pending' or ${approvals.kind} = 'use')`;
  return tx.db
    .select()
    .from(approvals)
    .where(
      and(
        inTenant(tx),
        inArray(approvals.state, ['pending', 'approved']),
        lte(approvals.expiresAt, now),
        gt(approvals.expiresAt, new Date(now.getTime() - SWEPT_FOR_MS)),
        lapses,
        sql`not ${SPENT}`,
      ),
    )
    .limit(limit);
}

export async function expireApprovals(tx: TenantTx, ids: readonly string[]): Promise<void> {
  await tx.db
    .update(approvals)
    .set({ state: 'expired' })
    .where(and(inTenant(tx), inArray(approvals.id, [...ids])));
}
