import { Global, Module } from '@nestjs/common';
import { LiveNodes } from '../audit/live-nodes.js';
import { AllNodes } from '../keys/all-nodes.js';
import { KeysModule } from '../keys/keys.module.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import { ActivateBrake } from './activate-brake.js';
import { BrakeRestoredDatabase } from './brake-restored-database.js';
import { BrakesController } from './brakes.controller.js';
import { ClearBrake } from './clear-brake.js';
import { GlobalBrake } from './global-brake.js';
import { LeasedNodes } from './leased-nodes.js';
import { ListBrakes } from './list-brakes.js';
import { NodesWithLease } from './nodes-with-lease.js';
import { PlatformWatch } from './platform-watch.js';

const MS_PER_SECOND = 1_000;

@Global()
@Module({
  imports: [KeysModule],
  controllers: [BrakesController],
  providers: [
    ActivateBrake,
    BrakeRestoredDatabase,
    ClearBrake,
    GlobalBrake,
    ListBrakes,
    PlatformWatch,
    { provide: AllNodes, useClass: LeasedNodes },
    { provide: LiveNodes, useClass: NodesWithLease },
  ],
  exports: [AllNodes, GlobalBrake, LiveNodes],
})
export class BrakesModule {
  constructor(metrics: Metrics, brake: GlobalBrake, watch: PlatformWatch) {
    metrics.gauge('chancery_global_brake', 'Whether the global brake is on.', () => Number(brake.isOn));
    metrics.gauge(
      'chancery_node_lease_age_seconds',
      'Since this node last renewed its leave to admit uses. From 2 on, and without it, it admits none.',
      () => watch.leaseAgeMs / MS_PER_SECOND,
    );
  }
}
