import type { TenantTx } from '../platform/database/tenant-tx.js';

/** What an act on an agent must know and do about its grants. They belong to `credentials`, a room above, which implements this. */
export abstract class GrantLimits {
  /** Active grants by agent; agents without any may be missing. */
  abstract countActive(tx: TenantTx, agentIds: readonly string[]): Promise<Map<string, number>>;
  /** Suspends the newest active grants above `limit`. Returns the credentials' ids. */
  abstract suspendAbove(tx: TenantTx, agentId: string, limit: number): Promise<string[]>;
}
