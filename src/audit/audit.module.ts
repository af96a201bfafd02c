import { Global, Module } from '@nestjs/common';
import { Acts } from '../tenancy/acts.js';
import { AdministrativeActs } from './administrative-acts.js';
import { Committers } from './committers.js';

/** Global: every act of every room leaves an entry. */
@Global()
@Module({
  providers: [{ provide: Acts, useClass: AdministrativeActs }, Committers],
  exports: [Acts, Committers],
})
export class AuditModule {}
