import { Injectable } from '@nestjs/common';
import { CredentialNames } from '../brakes/credential-names.js';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { findCredential } from './credentials.repository.js';

/** What `brakes` must know of credentials. */
@Injectable()
export class StoredCredentialNames extends CredentialNames {
  override async idOf(tx: TenantTx, name: string): Promise<string | null> {
    return (await findCredential(tx, name))?.id ?? null;
  }
}
