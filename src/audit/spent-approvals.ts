import type { AuditEntry } from '@chancery/protocol/audit-entry.js';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { readSpent } from './audit.repository.js';

/**
 * Which approvals were used up, and the position of the intent that did it: the intent says so, and nothing else does.
 * Keys that no use has spent are missing. Inside the snapshot that also read the chain's head, the answer is exact.
 */
export function spentApprovals(tx: TenantTx, keys: readonly string[]): Promise<Map<string, number>> {
  return keys.length === 0 ? Promise.resolve(new Map<string, number>()) : readSpent(tx, keys);
}

/** The approval that an entry spends: an intent that names one does, and no other entry. */
export function spentBy({ outcome, details }: AuditEntry): string | null {
  if (outcome !== 'intent') return null;
  const { approval } = details as { approval?: unknown };
  return typeof approval === 'string' ? approval : null;
}
