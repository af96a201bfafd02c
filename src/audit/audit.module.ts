import { Global, Inject, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import { LOG, type Log } from '../platform/telemetry/logger.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { Acts } from '../tenancy/acts.js';
import { AdministrativeActs } from './administrative-acts.js';
import { AuditController } from './audit.controller.js';
import { ChainHeads } from './chain-heads.js';
import { CheckpointFile } from './checkpoint-file.js';
import { Committers } from './committers.js';
import { ExportChain } from './export-chain.js';
import { ListEntries } from './list-entries.js';
import { ReadChain } from './read-chain.js';
import { RecordRefusals } from './record-refusals.js';
import { ReportFinding } from './report-finding.js';
import { SignCheckpoints } from './sign-checkpoints.js';
import { StartupCheck } from './startup-check.js';
import { SweepIntents } from './sweep-intents.js';
import { VerifyChain } from './verify-chain.js';
import { VerifyChains } from './verify-chains.js';

/** Global: every act of every room leaves an entry. */
@Global()
@Module({
  controllers: [AuditController],
  providers: [
    { provide: Acts, useClass: AdministrativeActs },
    {
      provide: CheckpointFile,
      inject: [CONFIG],
      useFactory: ({ checkpointFile }: Config) => CheckpointFile.open(checkpointFile),
    },
    ChainHeads,
    Committers,
    ExportChain,
    ListEntries,
    ReadChain,
    RecordRefusals,
    ReportFinding,
    SignCheckpoints,
    StartupCheck,
    SweepIntents,
    VerifyChain,
    VerifyChains,
  ],
  exports: [Acts, ChainHeads, CheckpointFile, Committers, SignCheckpoints, StartupCheck, SweepIntents, VerifyChains],
})
export class AuditModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly file: CheckpointFile,
    @Inject(LOG) private readonly log: Log,
    metrics: Metrics,
    committers: Committers,
  ) {
    const { counts } = committers;
    metrics.histogram(
      'chancery_commit_batch_entries',
      'Entries of uses that became durable together.',
      () => counts.batches,
    );
    metrics.counter(
      'chancery_commits_lost_total',
      'Batches decided again because the chain had moved.',
      () => counts.lost,
    );
    metrics.gauge(
      'chancery_decisions_waiting',
      'Decisions about uses that wait for a batch.',
      () => committers.waiting,
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    const { unreadable } = this.file;
    if (unreadable > 0 || (await this.file.torn())) {
      this.log.warn({ unreadable }, 'the checkpoint file holds lines that cannot be read');
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.file.close();
  }
}
