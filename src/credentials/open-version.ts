import { Injectable } from '@nestjs/common';
import type { Secret } from '../platform/crypto/secret.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { changedMeanwhile } from './credentials.errors.js';
import { findVersion } from './credentials.repository.js';
import { Sealing } from './sealing.js';

/** Opens exactly the version a decision named, after its intent is durable (P3). The caller zeroes it. */
@Injectable()
export class OpenVersion {
  constructor(
    private readonly database: TenantDatabase,
    private readonly sealing: Sealing,
  ) {}

  /** `check` is asked when everything is there and the next step decrypts; it throws when that must not happen any more. */
  async execute(tenantId: string, credentialId: string, version: number, check: () => void): Promise<Secret> {
    const row = await this.database.inTenant(tenantId, (tx) => findVersion(tx, credentialId, version), {
      readOnly: true,
    });
    if (row === undefined) throw changedMeanwhile();
    return this.sealing.open(tenantId, row, check);
  }
}
