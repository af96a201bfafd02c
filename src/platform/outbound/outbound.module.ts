import { readFileSync } from 'node:fs';
import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../../config/config.token.js';
import type { Config } from '../../config/environment.js';
import { DialPolicy } from './dial-policy.js';
import { InFlightCalls } from './in-flight.js';
import { Outbound } from './outbound.js';
import { lookupAt } from './resolve-validated.js';

/** Global: the only door outward, and the calls that are under way through it. */
@Global()
@Module({
  providers: [
    InFlightCalls,
    {
      provide: DialPolicy,
      inject: [CONFIG],
      useFactory: ({ outbound }: Config) =>
        new DialPolicy({
          allowRanges: outbound.dialAllow,
          own: [],
          resolve: new Map(outbound.resolve.map(({ name, address, port }) => [name, { address, port }])),
        }),
    },
    {
      provide: Outbound,
      inject: [CONFIG, DialPolicy],
      useFactory: ({ outbound: { extraCaFile, dnsServers } }: Config, policy: DialPolicy) =>
        new Outbound({
          policy,
          extraCa: extraCaFile === null ? undefined : readFileSync(extraCaFile, 'utf8'),
          lookup: dnsServers.length === 0 ? undefined : lookupAt(dnsServers),
        }),
    },
  ],
  exports: [InFlightCalls, DialPolicy, Outbound],
})
export class OutboundModule implements OnApplicationShutdown {
  constructor(
    private readonly outbound: Outbound,
    private readonly inFlight: InFlightCalls,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    this.inFlight.cut({}, 'shutdown');
    await this.outbound.destroy();
  }
}
