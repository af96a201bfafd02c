import { Injectable } from '@nestjs/common';
import { publicId } from '../platform/ids.js';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { credentialNotFound } from './credentials.errors.js';
import { findCredential, retireAllVersions, updateCredential } from './credentials.repository.js';
import { deleteGrantsOn } from './grants.repository.js';

/** Deletes a credential: its values and grants are gone, calls that use it are cut, its name is free again. */
@Injectable()
export class DeleteCredential {
  constructor(
    private readonly acts: Acts,
    private readonly inFlight: InFlightCalls,
  ) {}

  async execute(principal: Principal, name: string): Promise<void> {
    const credentialId = await this.acts.run(
      principal.tenantId,
      async ({ tx, chain, nowMs }) => {
        const row = await findCredential(tx, name);
        if (row === undefined) throw credentialNotFound();
        await retireAllVersions(tx, row.id);
        await deleteGrantsOn(tx, row.id);
        await updateCredential(tx, row.id, { deletedAt: new Date(nowMs), updatedAt: new Date(nowMs) });
        const details = { credential: publicId('crd', row.id), name };
        await chain.append({ actor: actorOf(principal), action: 'credential.delete', outcome: 'success', details });
        return row.id;
      },
      'control',
    );
    this.inFlight.cut({ tenantId: principal.tenantId, credentialId }, 'deleted');
  }
}
