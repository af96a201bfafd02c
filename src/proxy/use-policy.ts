import { activeBrakes } from '../brakes/brakes-policy.js';
import type { ActiveBrake } from '../brakes/brake.js';
import { type ApprovalsPolicy, loadApprovalsPolicy } from '../credentials/approvals/approvals-policy.js';
import { type CredentialsPolicy, loadCredentialsPolicy } from '../credentials/credentials-policy.js';
import { type IdentityPolicy, loadIdentityPolicy } from '../identity/identity-policy.js';
import type { TenantTx } from '../platform/database/tenant-tx.js';

/** Everything a decision reads of one tenant. Each table behind it raises the chain's epoch when it is written. */
export interface UsePolicy {
  readonly identity: IdentityPolicy;
  readonly brakes: readonly ActiveBrake[];
  readonly credentials: CredentialsPolicy;
  readonly approvals: ApprovalsPolicy;
}

/** Loads the policy inside the snapshot that also read the chain's head. */
export async function loadUsePolicy(tx: TenantTx): Promise<UsePolicy> {
  const identity = await loadIdentityPolicy(tx);
  const brakes = await activeBrakes(tx);
  const credentials = await loadCredentialsPolicy(tx);
  const approvals = await loadApprovalsPolicy(tx);
  return { identity, brakes, credentials, approvals };
}
