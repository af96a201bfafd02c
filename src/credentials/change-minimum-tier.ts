import { Injectable } from '@nestjs/common';
import type { Tier } from '@chancery/protocol/tiers.js';
import { publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { type CredentialView, credentialView } from './credential.js';
import { credentialNotFound } from './credentials.errors.js';
import { findCredential, liveVersions, updateCredential } from './credentials.repository.js';

/** Changes who may use a credential; the next call already sees it. */
@Injectable()
export class ChangeMinimumTier {
  constructor(private readonly acts: Acts) {}

  execute(principal: Principal, name: string, minimumTier: Tier): Promise<CredentialView> {
    return this.acts.run(principal.tenantId, async ({ tx, chain, nowMs }) => {
      const row = await findCredential(tx, name);
      if (row === undefined) throw credentialNotFound();
      const updatedAt = new Date(nowMs);
      await updateCredential(tx, row.id, { minimumTier, updatedAt });
      const details = { credential: publicId('crd', row.id), name, from: row.minimumTier, to: minimumTier };
      await chain.append({ actor: actorOf(principal), action: 'credential.tier', outcome: 'success', details });
      return credentialView({ ...row, minimumTier, updatedAt }, await liveVersions(tx, [row.id]));
    });
  }
}
