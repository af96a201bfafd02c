import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuditModule } from './audit/audit.module.js';
import { BrakesModule } from './brakes/brakes.module.js';
import { ApprovalsModule } from './credentials/approvals/approvals.module.js';
import { CredentialsModule } from './credentials/credentials.module.js';
import { IdentityModule } from './identity/identity.module.js';
import { KeysModule } from './keys/keys.module.js';
import type { DatabaseAddress } from './platform/database/database-address.js';
import { DatabaseModule } from './platform/database/database.module.js';
import { McpModule } from './mcp/mcp.module.js';
import { OutboundModule } from './platform/outbound/outbound.module.js';
import { ProxyModule } from './proxy/proxy.module.js';
import { AccessGuard } from './tenancy/access.guard.js';
import { TenancyModule } from './tenancy/tenancy.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

/** The one file that knows every feature. */
@Module({})
export class AppModule {
  static at(address: DatabaseAddress): DynamicModule {
    return {
      module: AppModule,
      imports: [
        DatabaseModule.at(address),
        OutboundModule,
        TenancyModule,
        KeysModule,
        AuditModule,
        IdentityModule,
        BrakesModule,
        CredentialsModule,
        ApprovalsModule,
        ProxyModule,
        McpModule,
        WebhooksModule,
      ],
      providers: [{ provide: APP_GUARD, useClass: AccessGuard }],
    };
  }
}
