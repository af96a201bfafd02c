import type { SessionDecision } from '../../identity/session-approvals.js';
import { notFound } from '../../platform/http/http.errors.js';
import { publicId } from '../../platform/ids.js';
import type { Act } from '../../tenancy/acts.js';
import { type ApprovalState, USE_WITHIN_MS } from './approval.js';
import { approvalNotPending } from './approvals.errors.js';
import { type ApprovalRow, decideApproval, findApproval } from './approvals.repository.js';
import type { ReadApprovals, SeenApproval } from './read-approvals.js';

/** Under the head's lock: an approval somebody wants to decide, or null when it is as they want it already. */
export async function openApproval(
  { tx }: Act,
  read: ReadApprovals,
  id: string,
  wanted: ApprovalState,
): Promise<{ readonly seen: SeenApproval; readonly decided: boolean }> {
  const row = await findApproval(tx, id);
  if (row === undefined) throw notFound();
  const [seen] = await read.seen(tx, [row]);
  if (seen === undefined) throw new Error('a row is seen as one');
  if (seen.state === wanted) return { seen, decided: true };
  if (seen.state !== 'pending') throw approvalNotPending(seen.state);
  return { seen, decided: false };
}

/** Writes down what was said, with its entry. An approved use has a while to be made. */
export async function settle(
  { tx, chain, nowMs }: Act,
  row: ApprovalRow,
  decision: SessionDecision,
): Promise<ApprovalRow> {
  const { state, by, reason } = decision;
  const isUsable = state === 'approved' && row.kind === 'use';
  const expiresAt = isUsable ? new Date(nowMs + USE_WITHIN_MS) : row.expiresAt;
  const decided = { state, decidedAt: new Date(nowMs), decidedBy: by, decisionReason: reason, expiresAt };
  const stored = await decideApproval(tx, row.id, decided);
  const details = {
    approval: publicId('apr', row.id),
    kind: row.kind,
    agent: publicId('agt', row.agentId),
    ...(row.credentialName === null ? {} : { name: row.credentialName }),
    ...(row.credentialId === null ? {} : { credential: publicId('crd', row.credentialId) }),
    ...(row.sessionId === null ? {} : { session: publicId('ses', row.sessionId) }),
    ...(row.requestHash === null ? {} : { request_hash: row.requestHash.toString('hex'), version: row.version }),
    ...(isUsable ? { expires_at: expiresAt.toISOString() } : {}),
    reason,
  };
  await chain.append({ actor: by, action: `approval.${state}`, outcome: 'success', details });
  return stored;
}
