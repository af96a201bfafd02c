import { Inject, Injectable } from '@nestjs/common';
import type { Tier } from '@chancery/protocol/tiers.js';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import { Secret } from '../platform/crypto/secret.js';
import { violatedConstraint } from '../platform/database/database.errors.js';
import { newUuid, publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { nameTaken } from '../tenancy/tenancy.errors.js';
import { type CredentialView, credentialView, flagsOf, REDACTABLE_BYTES_MIN } from './credential.js';
import { secretTooShort } from './credentials.errors.js';
import { insertCredential, insertVersion } from './credentials.repository.js';
import { type BindingInput, readBinding } from './read-binding.js';
import { Sealing } from './sealing.js';

export interface StoreCredentialInput {
  readonly name: string;
  readonly value: string;
  readonly binding: BindingInput;
  readonly minimumTier: Tier;
  readonly redact: boolean;
}

const FIRST_VERSION = 1;

/** Seals a value under a key of its own and stores it with where it may go. The value never comes back. */
@Injectable()
export class StoreCredential {
  constructor(
    private readonly acts: Acts,
    private readonly sealing: Sealing,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async execute(principal: Principal, input: StoreCredentialInput): Promise<CredentialView> {
    const binding = readBinding(input.binding, this.config.environment === 'production');
    const plaintext = Secret.fromUtf8(input.value);
    try {
      if (input.redact && plaintext.bytes.length < REDACTABLE_BYTES_MIN) throw secretTooShort(REDACTABLE_BYTES_MIN);
      const id = newUuid();
      const { tenantId } = principal;
      const sealed = await this.sealing.seal(
        { tenantId, credentialId: id, version: FIRST_VERSION, binding },
        plaintext,
      );
      return await this.acts.run(tenantId, async ({ tx, chain, nowMs }) => {
        const now = new Date(nowMs);
        const { name, minimumTier, redact } = input;
        const row = { id, name, minimumTier, redact, version: FIRST_VERSION, createdAt: now, updatedAt: now };
        await insertCredential(tx, row);
        const version = {
          credentialId: id,
          version: FIRST_VERSION,
          binding,
          state: 'current',
          createdAt: now,
        } as const;
        await insertVersion(tx, { ...version, ...sealed });
        const details = {
          credential: publicId('crd', id),
          name,
          version: FIRST_VERSION,
          minimum_tier: minimumTier,
          allowed_domains: binding.allowed_domains,
          flags: flagsOf(binding, redact),
        };
        await chain.append({ actor: actorOf(principal), action: 'credential.store', outcome: 'success', details });
        return credentialView({ ...row, tenantId, deletedAt: null }, [{ ...version, expiresAt: null }]);
      });
    } catch (error) {
      if (violatedConstraint(error) === 'credentials_name') throw nameTaken('credential name');
      throw error;
    } finally {
      plaintext.zero();
    }
  }
}
