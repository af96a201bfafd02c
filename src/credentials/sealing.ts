import { Injectable } from '@nestjs/common';
import type { Secret } from '../platform/crypto/secret.js';
import { type Envelope, openCredential, type Place, sealCredential } from '../keys/envelope.js';
import { TenantKeys } from '../keys/tenant-keys.js';
import type { VersionRow } from './credentials.repository.js';
import { changedMeanwhile } from './credentials.errors.js';

/** Seals and opens credential values under the tenant's keys. Throws `vault_sealed` when there are none. */
@Injectable()
export class Sealing {
  constructor(private readonly keys: TenantKeys) {}

  async seal(place: Place, plaintext: Secret): Promise<Envelope> {
    const kek = await this.keys.kek(place.tenantId);
    return sealCredential({ ...place, kek, plaintext });
  }

  /** The caller zeroes what it gets. `check` throws when nothing may be decrypted any more. */
  async open(tenantId: string, row: VersionRow, check: () => void = () => undefined): Promise<Secret> {
    if (row.wrappedDek === null || row.ciphertext === null) throw changedMeanwhile();
    const kek = await this.keys.kek(tenantId, row.kekVersion);
    const { credentialId, version, binding, wrappedDek, ciphertext } = row;
    check();
    return openCredential({ tenantId, credentialId, version, binding, kek, wrappedDek, ciphertext });
  }
}
