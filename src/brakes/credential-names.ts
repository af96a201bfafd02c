import type { TenantTx } from '../platform/database/tenant-tx.js';

/** Finds what a credential brake is to cover. `credentials`, the room above, implements it. */
export abstract class CredentialNames {
  abstract idOf(tx: TenantTx, name: string): Promise<string | null>;
}
