import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import { Acts } from '../tenancy/acts.js';
import { AdministrativeActs } from './administrative-acts.js';
import { AuditController } from './audit.controller.js';
import { ChainHeads } from './chain-heads.js';
import { CheckpointFile } from './checkpoint-file.js';
import { Committers } from './committers.js';
import { ExportChain } from './export-chain.js';
import { ListEntries } from './list-entries.js';
import { ReadChain } from './read-chain.js';
import { SignCheckpoints } from './sign-checkpoints.js';
import { StartupCheck } from './startup-check.js';
import { SweepIntents } from './sweep-intents.js';
import { VerifyChain } from './verify-chain.js';

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
    SignCheckpoints,
    StartupCheck,
    SweepIntents,
    VerifyChain,
  ],
  exports: [Acts, ChainHeads, CheckpointFile, Committers, SignCheckpoints, StartupCheck, SweepIntents],
})
export class AuditModule implements OnApplicationShutdown {
  constructor(private readonly file: CheckpointFile) {}

  async onApplicationShutdown(): Promise<void> {
    await this.file.close();
  }
}
