import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../config/config.token.js';
import type { Config } from '../config/environment.js';
import type { Secret } from '../platform/crypto/secret.js';
import { publicId } from '../platform/ids.js';
import { Acts, type EntryRef } from '../tenancy/acts.js';
import { actorOf, type Principal } from '../tenancy/principal.js';
import { type Binding, bindingDetails } from './binding.js';
import { checkInjection } from './check-injection.js';
import { type CredentialView, flagsOf } from './credential.js';
import { changedMeanwhile, credentialNotFound } from './credentials.errors.js';
import { type CredentialRow, findCredential, findVersion, type VersionRow } from './credentials.repository.js';
import { type BindingInput, readBinding } from './read-binding.js';
import { replaceVersion } from './replace-version.js';
import { type Sealed, Sealing } from './sealing.js';

const REBIND_WITHIN_MS = 30_000;

/**
 * Changes where a credential may go. The binding is part of what the ciphertext was sealed with, so this opens the value
 * and seals it again as a new version: a decryption, with its own intent before it and its outcome with the change (P3).
 */
@Injectable()
export class EditBinding {
  constructor(
    private readonly acts: Acts,
    private readonly sealing: Sealing,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async execute(principal: Principal, name: string, input: BindingInput): Promise<CredentialView> {
    const binding = readBinding(input, this.config.environment === 'production');
    const { row, stored, intent } = await this.#intend(principal, name, binding);
    const version = row.version + 1;
    let plaintext: Secret | null = null;
    try {
      plaintext = await this.sealing.open(principal.tenantId, stored);
      const place = { tenantId: principal.tenantId, credentialId: row.id, version, binding };
      const sealed = await this.sealing.seal(place, { secret: plaintext, shape: stored.fields });
      return await this.#finish(principal, row, intent, { version, binding, sealed });
    } catch (error) {
      await this.#fail(principal, row, intent);
      throw error;
    } finally {
      plaintext?.zero();
    }
  }

  #intend(
    principal: Principal,
    name: string,
    binding: Binding,
  ): Promise<{ row: CredentialRow; stored: VersionRow; intent: EntryRef }> {
    return this.acts.run(principal.tenantId, async ({ tx, chain, nowMs }) => {
      const row = await findCredential(tx, name);
      if (row === undefined) throw credentialNotFound();
      const stored = await findVersion(tx, row.id, row.version);
      if (stored === undefined) throw changedMeanwhile();
      checkInjection(row.injection, stored.fields, binding);
      const deadline = new Date(nowMs + REBIND_WITHIN_MS).toISOString();
      const details = { credential: publicId('crd', row.id), name, version: row.version, deadline };
      const intent = await chain.append({
        actor: actorOf(principal),
        action: 'credential.bind',
        outcome: 'intent',
        details,
      });
      return { row, stored, intent };
    });
  }

  #finish(
    principal: Principal,
    row: CredentialRow,
    intent: EntryRef,
    next: { version: number; binding: Binding; sealed: Sealed },
  ): Promise<CredentialView> {
    return this.acts.run(principal.tenantId, async ({ tx, chain, nowMs }) => {
      const view = await replaceVersion(tx, row, { ...next, now: new Date(nowMs), graceUntil: null });
      const details = {
        intent: intent.seq,
        credential: publicId('crd', row.id),
        version: next.version,
        ...bindingDetails(next.binding),
        flags: flagsOf(next.binding, row.redact),
      };
      await chain.append({ actor: actorOf(principal), action: 'credential.bind.outcome', outcome: 'success', details });
      return view;
    });
  }

  /** Best effort: where it cannot be written, the sweep marks the intent `unknown`. */
  async #fail(principal: Principal, row: CredentialRow, intent: EntryRef): Promise<void> {
    const details = { intent: intent.seq, credential: publicId('crd', row.id) };
    await this.acts
      .run(principal.tenantId, ({ chain }) =>
        chain.append({ actor: actorOf(principal), action: 'credential.bind.outcome', outcome: 'failure', details }),
      )
      .catch(() => undefined);
  }
}
