import { Injectable } from '@nestjs/common';
import { publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { retireExpiredVersions } from './credentials.repository.js';

/** Takes the value from versions whose grace is over. A job calls it; decisions look at the time themselves. */
@Injectable()
export class RetireVersions {
  constructor(private readonly acts: Acts) {}

  execute(tenantId: string): Promise<number> {
    return this.acts.run(tenantId, async ({ tx, chain, nowMs }) => {
      const retired = await retireExpiredVersions(tx, new Date(nowMs));
      for (const { credentialId, version } of retired) {
        const details = { credential: publicId('crd', credentialId), version };
        await chain.append({ actor: 'system:sweep', action: 'credential.retire', outcome: 'success', details });
      }
      return retired.length;
    });
  }
}
