import { Global, Module } from '@nestjs/common';
import { IdempotencyStore } from '../platform/http/idempotency-store.js';
import { PasswordHasher } from '../platform/crypto/password-hash.js';
import { BearerAuthenticator } from './bearer-authenticator.js';
import { CreateTenant } from './create-tenant.js';
import { Directory } from './directory.js';
import { LogIn } from './log-in.js';
import { MemberSession } from './member-session.js';
import { MembersController } from './members.controller.js';
import { MetricsController } from './metrics.controller.js';
import { Members } from './members.js';
import { MemberFactory } from './new-member.js';
import { ProvisionRole } from './provision-role.js';
import { PruneAnswers } from './prune-answers.js';
import { ServiceKeysController } from './service-keys.controller.js';
import { ServiceKeys } from './service-keys.js';
import { SessionsController } from './sessions.controller.js';
import { SetUpPlatform } from './set-up-platform.js';
import { SigningKeys } from './signing-keys.js';
import { StoredIdempotency } from './stored-idempotency.js';
import { TenantsController } from './tenants.controller.js';

@Global()
@Module({
  controllers: [SessionsController, MembersController, ServiceKeysController, TenantsController, MetricsController],
  providers: [
    BearerAuthenticator,
    CreateTenant,
    Directory,
    LogIn,
    MemberFactory,
    Members,
    MemberSession,
    { provide: PasswordHasher, useFactory: () => new PasswordHasher() },
    ProvisionRole,
    PruneAnswers,
    ServiceKeys,
    SetUpPlatform,
    SigningKeys,
    { provide: IdempotencyStore, useClass: StoredIdempotency },
  ],
  exports: [
    BearerAuthenticator,
    CreateTenant,
    Directory,
    IdempotencyStore,
    PruneAnswers,
    ServiceKeys,
    SetUpPlatform,
    SigningKeys,
  ],
})
export class TenancyModule {}
