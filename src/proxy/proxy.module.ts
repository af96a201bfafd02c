import { Module, type OnModuleInit } from '@nestjs/common';
import { Committers } from '../audit/committers.js';
import { KeysModule } from '../keys/keys.module.js';
import { Vault } from '../keys/vault.js';
import { InFlightCalls } from '../platform/outbound/in-flight.js';
import { ApprovalGate } from './approval-gate.js';
import { CallUpstream } from './call-upstream.js';
import { CutForbiddenCalls } from './cut-forbidden-calls.js';
import { ExecuteCredential } from './execute-credential.js';
import { ProxyController } from './proxy.controller.js';
import { StreamController } from './stream/stream.controller.js';
import { StreamCredential } from './stream/stream-credential.js';
import { StreamUpstream } from './stream/stream-upstream.js';
import { UseMetrics } from './use-metrics.js';
import { UseOutcomes } from './use-outcomes.js';
import { loadUsePolicy, type UsePolicy } from './use-policy.js';

@Module({
  imports: [KeysModule],
  controllers: [ProxyController, StreamController],
  providers: [
    ApprovalGate,
    CallUpstream,
    CutForbiddenCalls,
    ExecuteCredential,
    StreamCredential,
    StreamUpstream,
    UseMetrics,
    UseOutcomes,
  ],
  exports: [ExecuteCredential],
})
export class ProxyModule implements OnModuleInit {
  constructor(
    private readonly committers: Committers<UsePolicy>,
    private readonly vault: Vault,
    private readonly inFlight: InFlightCalls,
  ) {}

  onModuleInit(): void {
    this.committers.decideBy(loadUsePolicy);
    this.vault.onSeal(() => this.inFlight.cut({}, 'seal'));
  }
}
