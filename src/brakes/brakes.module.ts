import { Global, Module } from '@nestjs/common';
import { AllNodes } from '../keys/all-nodes.js';
import { KeysModule } from '../keys/keys.module.js';
import { ActivateBrake } from './activate-brake.js';
import { BrakeRestoredDatabase } from './brake-restored-database.js';
import { BrakesController } from './brakes.controller.js';
import { ClearBrake } from './clear-brake.js';
import { GlobalBrake } from './global-brake.js';
import { LeasedNodes } from './leased-nodes.js';
import { ListBrakes } from './list-brakes.js';
import { PlatformWatch } from './platform-watch.js';

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
  ],
  exports: [AllNodes, GlobalBrake],
})
export class BrakesModule {}
