import { Injectable } from '@nestjs/common';
import { rewrapDek } from '../keys/envelope.js';
import { type Kek, TenantKeys } from '../keys/tenant-keys.js';
import { publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { moveVersion, versionsUnderOtherKeks } from './credentials.repository.js';

export interface RotatedKey {
  /** The version of the key-encryption key that is in use now. */
  readonly version: number;
  /** How many credential versions were moved under it. */
  readonly rewrapped: number;
}

/**
 * Makes a new key-encryption key for the tenant and moves every credential's own key under it. No credential is
 * decrypted; until a row is moved it opens under the key it names, so a crash half-way loses nothing.
 */
@Injectable()
export class RotateTenantKey {
  constructor(
    private readonly keys: TenantKeys,
    private readonly acts: Acts,
  ) {}

  async execute(principal: Principal): Promise<RotatedKey> {
    const { tenantId } = principal;
    const to = await this.keys.rotate(tenantId);
    return this.acts.run(tenantId, async ({ tx, chain }) => {
      const rows = await versionsUnderOtherKeks(tx, to.version);
      for (const { credentialId, version, kekVersion, wrappedDek } of rows) {
        const from: Kek = await this.keys.kek(tenantId, kekVersion);
        await moveVersion(
          tx,
          credentialId,
          version,
          rewrapDek({ place: { tenantId, credentialId, version }, from, to, wrappedDek }),
        );
      }
      const details = { kek_version: to.version, rewrapped: rows.length, tenant: publicId('ten', tenantId) };
      await chain.append({ actor: actorOf(principal), action: 'encryption_key.rotate', outcome: 'success', details });
      return { version: to.version, rewrapped: rows.length };
    });
  }
}
