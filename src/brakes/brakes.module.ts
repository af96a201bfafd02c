import { Global, Module } from '@nestjs/common';
import { ActivateBrake } from './activate-brake.js';
import { BrakesController } from './brakes.controller.js';
import { ClearBrake } from './clear-brake.js';
import { GlobalBrake } from './global-brake.js';
import { ListBrakes } from './list-brakes.js';

@Global()
@Module({
  controllers: [BrakesController],
  providers: [ActivateBrake, ClearBrake, GlobalBrake, ListBrakes],
  exports: [GlobalBrake],
})
export class BrakesModule {}
