import type { Tier } from '@chancery/protocol/tiers.js';
import type { Binding } from './binding.js';
import type { FieldShape } from './credential-fields.js';
import type { CredentialRow, VersionInfo } from './credentials.repository.js';
import type { Injection } from './injection.js';
import type { Approval, UseLimits } from './protection.js';

/** Values shorter than this are not redacted from answers: a redacted guess would confirm itself. */
export const REDACTABLE_BYTES_MIN = 16;
export const VALUE_BYTES_MAX = 16_384;

/** What people see of a credential: everything but the value. */
export interface CredentialView {
  readonly id: string;
  readonly name: string;
  readonly minimumTier: Tier;
  readonly version: number;
  readonly binding: Binding;
  readonly redact: boolean;
  /** What the value consists of; null for one value. */
  readonly fields: FieldShape | null;
  readonly injection: Injection | null;
  readonly approval: Approval;
  readonly limits: UseLimits;
  readonly flags: readonly CredentialFlag[];
  readonly versions: readonly VersionInfo[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What is weaker than it should be; shown in every listing and in every audit entry about the credential. */
export type CredentialFlag = 'unrestricted_domains' | 'cleartext' | 'not_redacted';

export function flagsOf(binding: Binding, redact: boolean): CredentialFlag[] {
  const flags: CredentialFlag[] = [];
  if (binding.allowed_domains.length === 0) flags.push('unrestricted_domains');
  if (binding.cleartext) flags.push('cleartext');
  if (!redact) flags.push('not_redacted');
  return flags;
}

export function credentialView(row: CredentialRow, versions: readonly VersionInfo[]): CredentialView {
  const current = versions.find((version) => version.version === row.version);
  if (current === undefined) throw new Error('a credential always has its current version');
  return {
    id: row.id,
    name: row.name,
    minimumTier: row.minimumTier,
    version: row.version,
    binding: current.binding,
    redact: row.redact,
    fields: current.fields,
    injection: row.injection,
    approval: row.approval,
    limits: { perMinute: row.perMinute },
    flags: flagsOf(current.binding, row.redact),
    versions,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}
