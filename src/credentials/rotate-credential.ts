import { Injectable } from '@nestjs/common';
import { Secret } from '../platform/crypto/secret.js';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { type CredentialView, flagsOf, REDACTABLE_BYTES_MIN } from './credential.js';
import { changedMeanwhile, credentialNotFound, secretTooShort } from './credentials.errors.js';
import { type CredentialRow, findCredential, liveVersions } from './credentials.repository.js';
import { replaceVersion } from './replace-version.js';
import { Sealing } from './sealing.js';

/**
 * Puts a new value in the place of the old. With a grace period the old version stays usable by number until it is over;
 * without one its key and ciphertext are gone when this returns. Calls in flight finish with what they have.
 */
@Injectable()
export class RotateCredential {
  constructor(
    private readonly database: TenantDatabase,
    private readonly acts: Acts,
    private readonly sealing: Sealing,
  ) {}

  async execute(
    principal: Principal,
    name: string,
    input: { readonly value: string; readonly graceSeconds: number },
  ): Promise<CredentialView> {
    const { tenantId } = principal;
    const { row, binding } = await this.#current(tenantId, name);
    const version = row.version + 1;
    const plaintext = Secret.fromUtf8(input.value);
    try {
      if (row.redact && plaintext.bytes.length < REDACTABLE_BYTES_MIN) throw secretTooShort(REDACTABLE_BYTES_MIN);
      const sealed = await this.sealing.seal({ tenantId, credentialId: row.id, version, binding }, plaintext);
      return await this.acts.run(tenantId, async ({ tx, chain, nowMs }) => {
        const graceUntil = input.graceSeconds === 0 ? null : new Date(nowMs + input.graceSeconds * 1000);
        const view = await replaceVersion(tx, row, { version, binding, sealed, now: new Date(nowMs), graceUntil });
        const details = {
          credential: publicId('crd', row.id),
          name,
          version,
          grace_seconds: input.graceSeconds,
          flags: flagsOf(binding, row.redact),
        };
        await chain.append({ actor: actorOf(principal), action: 'credential.rotate', outcome: 'success', details });
        return view;
      });
    } finally {
      plaintext.zero();
    }
  }

  #current(tenantId: string, name: string) {
    return this.database.inTenant(tenantId, async (tx) => {
      const row: CredentialRow | undefined = await findCredential(tx, name);
      if (row === undefined) throw credentialNotFound();
      const current = (await liveVersions(tx, [row.id])).find((version) => version.version === row.version);
      if (current === undefined) throw changedMeanwhile();
      return { row, binding: current.binding };
    });
  }
}
