import { Injectable } from '@nestjs/common';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { type CredentialView, flagsOf } from './credential.js';
import type { FieldShape } from './credential-fields.js';
import { changedMeanwhile, credentialNotFound, fieldsMismatch } from './credentials.errors.js';
import { type CredentialRow, findCredential, liveVersions } from './credentials.repository.js';
import { replaceVersion } from './replace-version.js';
import { Sealing } from './sealing.js';
import { plaintextOf, type ValueInput } from './value-input.js';

/** Public fields stay as they were stored. */
export type RotatedValue = { readonly value: string } | { readonly fields: Readonly<Record<string, string>> };

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
    input: { readonly value: RotatedValue; readonly graceSeconds: number },
  ): Promise<CredentialView> {
    const { tenantId } = principal;
    const { row, binding, fields } = await this.#current(tenantId, name);
    const version = row.version + 1;
    const plaintext = plaintextOf(sameShape(input.value, fields), row.redact);
    try {
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
      plaintext.secret.zero();
    }
  }

  #current(tenantId: string, name: string) {
    return this.database.inTenant(tenantId, async (tx) => {
      const row: CredentialRow | undefined = await findCredential(tx, name);
      if (row === undefined) throw credentialNotFound();
      const current = (await liveVersions(tx, [row.id])).find((version) => version.version === row.version);
      if (current === undefined) throw changedMeanwhile();
      return { row, binding: current.binding, fields: current.fields };
    });
  }
}

/** A rotation changes what the value is, not what it consists of: the requests agents make go on working. */
function sameShape(value: RotatedValue, shape: FieldShape | null): ValueInput {
  const names = Object.keys(shape ?? {}).sort();
  const given = 'fields' in value ? Object.keys(value.fields).sort() : [];
  if ((shape === null) !== 'value' in value || given.join() !== names.join()) throw fieldsMismatch(names);
  return 'value' in value ? value : { ...value, publicFields: names.filter((name) => shape?.[name] === 'public') };
}
