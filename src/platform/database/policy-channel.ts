import { PLATFORM_TENANT_ID } from '../ids.js';
import type { TenantTx } from './tenant-tx.js';

/** Every write to a table that a decision reads is told here when it commits (the trigger `raise_epoch`). */
export const POLICY_CHANNEL = 'chancery_policy';

/** Tells every node, when the transaction commits, to look again: for a policy act that writes no policy table. */
export async function announce(tx: TenantTx): Promise<void> {
  await tx.client.query('select pg_notify($1, $2)', [POLICY_CHANNEL, tx.tenantId.replaceAll('-', '')]);
}

/** The tenant a notification names. Any login can send one, so anything may stand in it. */
export function tenantNamed(payload: string): string | null {
  const parts = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(payload);
  return parts === null ? null : parts.slice(1).join('-');
}

/** What a listener calls: with the tenant whose policy changed, or with null when that may be any tenant's. */
export type PolicyChanged = (tenantId: string | null) => void;

export const concernsPlatform = (tenantId: string | null): boolean =>
  tenantId === null || tenantId === PLATFORM_TENANT_ID;
