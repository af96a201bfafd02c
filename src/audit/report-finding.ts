import { Inject, Injectable } from '@nestjs/common';
import type { ChainVerification } from '@chancery/protocol/audit-verify.js';
import { publicId } from '../platform/ids.js';
import { LOG, type Log } from '../platform/telemetry/logger.js';
import { Acts } from '../tenancy/acts.js';
import { lastFinding } from './audit.repository.js';

const ACTOR = 'system:verification';

/** A chain that does not verify says so itself, once for each finding, so that whoever watches it is told. */
@Injectable()
export class ReportFinding {
  constructor(
    private readonly acts: Acts,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Never throws: whoever verified wants the verdict, also of a chain that nothing can be appended to. */
  async execute(tenantId: string, found: ChainVerification): Promise<void> {
    if (found.verdict === 'ok') return;
    const tenant = publicId('ten', tenantId);
    const { verdict, first_bad_seq, reason, entries } = found;
    this.log.error({ tenant, verdict, first_bad_seq }, 'a chain does not verify');
    try {
      await this.acts.run(tenantId, async ({ tx, chain }) => {
        const last = await lastFinding(tx);
        // What is missing behind the end of a chain that was cut begins further back with each entry, this one too.
        const same = verdict === 'checkpoint' || last?.first_bad_seq === first_bad_seq;
        if (last?.verdict === verdict && same) return;
        const details = { verdict, first_bad_seq, reason, entries };
        await chain.append({ actor: ACTOR, action: 'audit.verification_failed', outcome: 'failure', details });
      });
    } catch (error) {
      this.log.error({ tenant, err: error }, 'a finding could not be appended');
    }
  }
}
