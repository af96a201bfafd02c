import type { TenantTx } from '../platform/database/tenant-tx.js';
import type { Binding } from './binding.js';
import { type CredentialView, credentialView } from './credential.js';
import { changedMeanwhile } from './credentials.errors.js';
import type { Sealed } from './sealing.js';
import {
  type CredentialRow,
  endCurrentVersion,
  findCredential,
  insertVersion,
  liveVersions,
  updateCredential,
} from './credentials.repository.js';

/** Makes a sealed version the current one, provided that nobody else did since `before` was read. Under the head's lock. */
export async function replaceVersion(
  tx: TenantTx,
  before: CredentialRow,
  next: { version: number; binding: Binding; sealed: Sealed; now: Date; graceUntil: Date | null },
): Promise<CredentialView> {
  const row = await findCredential(tx, before.name);
  if (row === undefined || row.id !== before.id || row.version !== before.version) throw changedMeanwhile();
  await endCurrentVersion(tx, row.id, next.graceUntil);
  const { version, binding, sealed, now } = next;
  await insertVersion(tx, { credentialId: row.id, version, binding, state: 'current', createdAt: now, ...sealed });
  await updateCredential(tx, row.id, { version, updatedAt: now });
  return credentialView({ ...row, version, updatedAt: now }, await liveVersions(tx, [row.id]));
}
