import { Global, Module } from '@nestjs/common';
import { CredentialNames } from '../brakes/credential-names.js';
import { GrantLimits } from '../identity/grant-limits.js';
import { KeysModule } from '../keys/keys.module.js';
import { ChangeCredential } from './change-credential.js';
import { CredentialsController } from './credentials.controller.js';
import { DeleteCredential } from './delete-credential.js';
import { EditBinding } from './edit-binding.js';
import { EncryptionKeyController } from './encryption-key.controller.js';
import { GrantAccess } from './grant-access.js';
import { GrantedCredentialsController } from './granted-credentials.controller.js';
import { GrantsController } from './grants.controller.js';
import { ListGranted } from './list-granted.js';
import { OpenVersion } from './open-version.js';
import { ReadCredentials } from './read-credentials.js';
import { RetireVersions } from './retire-versions.js';
import { RotateCredential } from './rotate-credential.js';
import { RotateTenantKey } from './rotate-tenant-key.js';
import { Sealing } from './sealing.js';
import { StoreCredential } from './store-credential.js';
import { StoredCredentialNames } from './stored-credential-names.js';
import { StoredGrantLimits } from './stored-grant-limits.js';

/** Global, because the rooms below ask for names and grants through abstractions of their own. */
@Global()
@Module({
  imports: [KeysModule],
  controllers: [CredentialsController, EncryptionKeyController, GrantedCredentialsController, GrantsController],
  providers: [
    ChangeCredential,
    DeleteCredential,
    EditBinding,
    GrantAccess,
    ListGranted,
    OpenVersion,
    ReadCredentials,
    RetireVersions,
    RotateCredential,
    RotateTenantKey,
    Sealing,
    StoreCredential,
    { provide: CredentialNames, useClass: StoredCredentialNames },
    { provide: GrantLimits, useClass: StoredGrantLimits },
  ],
  exports: [CredentialNames, GrantAccess, GrantLimits, ListGranted, OpenVersion, RetireVersions],
})
export class CredentialsModule {}
