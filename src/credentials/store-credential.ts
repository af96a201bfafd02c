import { Inject, Injectable } from '@nestjs/common';
import type { Tier } from '@chancery/protocol/tiers.js';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import { violatedConstraint } from '../platform/database/database.errors.js';
import { newUuid, publicId } from '../platform/ids.js';
import { Acts } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { nameTaken } from '../tenancy/tenancy.errors.js';
import { bindingDetails } from './binding.js';
import { checkInjection } from './check-injection.js';
import { type CredentialView, credentialView, flagsOf } from './credential.js';
import { insertCredential, insertVersion } from './credentials.repository.js';
import type { Injection } from './injection.js';
import { type Approval, protectionDetails, type UseLimits } from './protection.js';
import { type BindingInput, readBinding } from './read-binding.js';
import { Sealing } from './sealing.js';
import { plaintextOf, type ValueInput } from './value-input.js';

export interface StoreCredentialInput {
  readonly name: string;
  readonly value: ValueInput;
  readonly binding: BindingInput;
  readonly minimumTier: Tier;
  readonly redact: boolean;
  readonly injection: Injection | null;
  readonly approval: Approval;
  readonly limits: UseLimits;
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
    const plaintext = plaintextOf(input.value, input.redact);
    try {
      checkInjection(input.injection, plaintext.shape, binding);
      const id = newUuid();
      const { tenantId } = principal;
      const sealed = await this.sealing.seal(
        { tenantId, credentialId: id, version: FIRST_VERSION, binding },
        plaintext,
      );
      return await this.acts.run(tenantId, async ({ tx, chain, nowMs }) => {
        const now = new Date(nowMs);
        const { name, minimumTier, redact, injection, approval, limits } = input;
        const times = { createdAt: now, updatedAt: now };
        const uses = { injection, approval, perMinute: limits.perMinute };
        const row = { id, name, minimumTier, redact, ...uses, version: FIRST_VERSION, ...times };
        await insertCredential(tx, row);
        const of = { credentialId: id, version: FIRST_VERSION, state: 'current', createdAt: now } as const;
        const version = { ...of, binding, fields: sealed.fields };
        await insertVersion(tx, { ...version, ...sealed });
        const details = {
          credential: publicId('crd', id),
          name,
          version: FIRST_VERSION,
          minimum_tier: minimumTier,
          ...bindingDetails(binding),
          ...(sealed.fields === null ? {} : { fields: sealed.fields }),
          ...protectionDetails(row),
          flags: flagsOf(binding, redact),
        };
        await chain.append({ actor: actorOf(principal), action: 'credential.store', outcome: 'success', details });
        return credentialView({ ...row, tenantId, deletedAt: null }, [{ ...version, expiresAt: null }]);
      });
    } catch (error) {
      if (violatedConstraint(error) === 'credentials_name') throw nameTaken('credential name');
      throw error;
    } finally {
      plaintext.secret.zero();
    }
  }
}
