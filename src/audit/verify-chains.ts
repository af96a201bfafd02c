import { Inject, Injectable } from '@nestjs/common';
import { publicId } from '../platform/ids.js';
import { LOG, type Log } from '../platform/telemetry/logger.js';
import { ChainHeads } from './chain-heads.js';
import { ReportFinding } from './report-finding.js';
import { VerifyChain } from './verify-chain.js';

/** A job: verifies every chain, one after the other. What nobody looks at is looked at all the same. */
@Injectable()
export class VerifyChains {
  constructor(
    private readonly heads: ChainHeads,
    private readonly verify: VerifyChain,
    private readonly report: ReportFinding,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async execute(signal?: AbortSignal): Promise<void> {
    for await (const { tenantId } of this.heads.all()) {
      signal?.throwIfAborted();
      try {
        await this.report.execute(tenantId, await this.verify.execute(tenantId));
      } catch (error) {
        this.log.warn({ tenant: publicId('ten', tenantId), err: error }, 'a chain could not be verified');
      }
    }
  }
}
