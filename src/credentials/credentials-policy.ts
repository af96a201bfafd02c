import type { Tier } from '@chancery/protocol/tiers.js';
import { and, eq, isNull } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import type { Binding } from './binding.js';
import { type CredentialFlag, flagsOf } from './credential.js';
import type { FieldShape } from './credential-fields.js';
import { liveVersions } from './credentials.repository.js';
import { credentials, grants } from './credentials.table.js';
import type { Injection } from './injection.js';
import type { Approval, UseLimits } from './protection.js';

export interface VersionPolicy {
  readonly binding: Binding;
  /** What it consists of; null for one value. */
  readonly fields: FieldShape | null;
  /** When a version in grace stops being usable; null for the current one. */
  readonly expiresAtMs: number | null;
}

/** A credential as decisions see it: no value anywhere. */
export interface CredentialPolicy {
  readonly id: string;
  readonly minimumTier: Tier;
  readonly version: number;
  readonly redact: boolean;
  readonly injection: Injection | null;
  readonly approval: Approval;
  readonly limits: UseLimits;
  readonly flags: readonly CredentialFlag[];
  /** Live versions by number. */
  readonly versions: ReadonlyMap<number, VersionPolicy>;
}

export interface CredentialsPolicy {
  readonly byName: ReadonlyMap<string, CredentialPolicy>;
  /** `<agent>/<credential>` → state. */
  readonly grants: ReadonlyMap<string, 'active' | 'suspended'>;
}

export const grantKey = (agentId: string, credentialId: string): string => `${agentId}/${credentialId}`;

/** Loads what decisions read of this feature, inside the snapshot that read the chain's head. */
export async function loadCredentialsPolicy(tx: TenantTx): Promise<CredentialsPolicy> {
  const rows = await tx.db
    .select()
    .from(credentials)
    .where(and(eq(credentials.tenantId, tx.tenantId), isNull(credentials.deletedAt)));
  const versions = await liveVersions(
    tx,
    rows.map((row) => row.id),
  );
  const held = await tx.db.select().from(grants).where(eq(grants.tenantId, tx.tenantId));
  const versionsOf = new Map<string, Map<number, VersionPolicy>>(rows.map((row) => [row.id, new Map()]));
  for (const { credentialId, version, binding, fields, expiresAt } of versions) {
    versionsOf.get(credentialId)?.set(version, { binding, fields, expiresAtMs: expiresAt?.getTime() ?? null });
  }
  const byName = new Map<string, CredentialPolicy>();
  for (const row of rows) {
    const own = versionsOf.get(row.id);
    const current = own?.get(row.version);
    if (own === undefined || current === undefined) continue;
    const { id, minimumTier, version, redact, injection, approval } = row;
    const limits = { perMinute: row.perMinute };
    const flags = flagsOf(current.binding, redact);
    byName.set(row.name, { id, minimumTier, version, redact, injection, approval, limits, flags, versions: own });
  }
  return { byName, grants: new Map(held.map((grant) => [grantKey(grant.agentId, grant.credentialId), grant.state])) };
}
