import { Injectable } from '@nestjs/common';
import type { Secret } from '../platform/crypto/secret.js';
import { type Envelope, openCredential, sealCredential } from '../keys/envelope.js';
import { TenantKeys } from '../keys/tenant-keys.js';
import type { Binding } from './binding.js';
import type { FieldShape } from './credential-fields.js';
import type { VersionRow } from './credentials.repository.js';
import { changedMeanwhile } from './credentials.errors.js';
import type { Plaintext } from './value-input.js';

export interface SealedPlace {
  readonly tenantId: string;
  readonly credentialId: string;
  readonly version: number;
  readonly binding: Binding;
}

export type Sealed = Envelope & { readonly fields: FieldShape | null };

/** The shape is hashed with the binding: a plain value and fields are never taken for each other, nor a secret field for a public one. */
const bound = (binding: Binding, fields: FieldShape | null): object =>
  fields === null ? binding : { ...binding, fields };

/** Seals and opens credential values under the tenant's keys. Throws `vault_sealed` when there are none. */
@Injectable()
export class Sealing {
  constructor(private readonly keys: TenantKeys) {}

  async seal(place: SealedPlace, { secret, shape }: Plaintext): Promise<Sealed> {
    const kek = await this.keys.kek(place.tenantId);
    const binding = bound(place.binding, shape);
    return { ...sealCredential({ ...place, binding, kek, plaintext: secret }), fields: shape };
  }

  /** The caller zeroes what it gets. `check` throws when nothing may be decrypted any more. */
  async open(tenantId: string, row: VersionRow, check: () => void = () => undefined): Promise<Secret> {
    if (row.wrappedDek === null || row.ciphertext === null) throw changedMeanwhile();
    const kek = await this.keys.kek(tenantId, row.kekVersion);
    const { credentialId, version, wrappedDek, ciphertext } = row;
    const binding = bound(row.binding, row.fields);
    check();
    return openCredential({ tenantId, credentialId, version, binding, kek, wrappedDek, ciphertext });
  }
}
