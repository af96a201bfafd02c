import { Injectable } from '@nestjs/common';
import { GrantLimits } from '../identity/grant-limits.js';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { activeGrantsOf, countActiveGrants, setGrantState } from './grants.repository.js';

/** What `identity` must know of grants: how many an agent holds, and suspending the newest when its tier shrinks. */
@Injectable()
export class StoredGrantLimits extends GrantLimits {
  override countActive(tx: TenantTx, agentIds: readonly string[]): Promise<Map<string, number>> {
    return countActiveGrants(tx, agentIds);
  }

  /** Returns the ids of the credentials whose grants were suspended. */
  override async suspendAbove(tx: TenantTx, agentId: string, limit: number): Promise<string[]> {
    const held = await activeGrantsOf(tx, agentId);
    const newest = held.slice(0, Math.max(0, held.length - limit)).map((grant) => grant.credentialId);
    if (newest.length > 0) await setGrantState(tx, agentId, newest, 'suspended');
    return newest;
  }
}
