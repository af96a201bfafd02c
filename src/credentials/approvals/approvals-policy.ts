import { spentApprovals } from '../../audit/spent-approvals.js';
import type { TenantTx } from '../../platform/database/tenant-tx.js';
import { publicId } from '../../platform/ids.js';
import type { UseApproval } from './approval.js';
import { type ApprovalRow, recentUses } from './approvals.repository.js';

/** Approvals of uses whose time is not up, or not long, by id. What is not here allows nothing. */
export type ApprovalsPolicy = ReadonlyMap<string, UseApproval>;

/** A while past its time an approval is still known, so that whoever comes late is told so from memory. */
const KEPT_AFTER_MS = 60 * 60_000;

/** What an approval is called in the entries that name it. */
export const approvalKey = (id: string): string => publicId('apr', id);

/** Read inside the snapshot that also read the chain's head: what entries spent up to there is known here. */
export async function loadApprovalsPolicy(tx: TenantTx, now: Date = new Date()): Promise<ApprovalsPolicy> {
  const rows = await recentUses(tx, new Date(now.getTime() - KEPT_AFTER_MS));
  return new Map((await useApprovals(tx, rows)).map((approval) => [approval.id, approval]));
}

/** Rows of uses, with what the chain says of each. */
export async function useApprovals(tx: TenantTx, rows: readonly ApprovalRow[]): Promise<UseApproval[]> {
  const approved = rows.filter(({ state }) => state === 'approved').map(({ id }) => approvalKey(id));
  const spent = await spentApprovals(tx, approved);
  return rows.map(({ id, kind, state, agentId, requestHash, expiresAt }) => ({
    id,
    kind,
    state,
    agentId,
    requestHash: requestHash?.toString('hex') ?? '',
    expiresAtMs: expiresAt.getTime(),
    used: spent.has(approvalKey(id)),
  }));
}
