import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { changedMeanwhile } from './credentials.errors.js';
import type { CredentialPolicy, VersionPolicy } from './credentials-policy.js';
import { findVersion, type VersionRow } from './credentials.repository.js';
import { OpenedCredential } from './opened-credential.js';
import { Sealing } from './sealing.js';

const ROWS_KEPT_MAX = 10_000;
const BYTES_KEPT_MAX = 64 * 1024 * 1024;

/** Opens exactly the version a decision named, after its intent is durable (P3). The caller zeroes it. */
@Injectable()
export class OpenVersion {
  /**
   * Sealed rows, by the version in the policy that the decision was taken from. A write to a version raises the epoch,
   * and the next decision names a version of the policy loaded after it: a row kept here is never older than the
   * decision that asks for it.
   */
  readonly #sealed = new LRUCache<VersionPolicy, VersionRow>({
    max: ROWS_KEPT_MAX,
    maxSize: BYTES_KEPT_MAX,
    sizeCalculation: ({ ciphertext, wrappedDek }) => 1 + (ciphertext?.length ?? 0) + (wrappedDek?.length ?? 0),
  });

  constructor(
    private readonly database: TenantDatabase,
    private readonly sealing: Sealing,
  ) {}

  /** `check` is asked when everything is there and the next step decrypts; it throws when that must not happen any more. */
  async execute(
    tenantId: string,
    credential: CredentialPolicy,
    version: number,
    check: () => void,
  ): Promise<OpenedCredential> {
    const decided = credential.versions.get(version);
    if (decided === undefined) throw new Error('a decision names a version of its own policy');
    const row = this.#sealed.get(decided) ?? (await this.#load(tenantId, credential.id, version));
    const opened = OpenedCredential.from(await this.sealing.open(tenantId, row, check), row.fields);
    this.#sealed.set(decided, row);
    return opened;
  }

  async #load(tenantId: string, credentialId: string, version: number): Promise<VersionRow> {
    const row = await this.database.inTenant(tenantId, (tx) => findVersion(tx, credentialId, version), {
      readOnly: true,
    });
    if (row === undefined) throw changedMeanwhile();
    return row;
  }
}
