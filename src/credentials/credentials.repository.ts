import { and, asc, eq, gt, inArray, isNotNull, isNull, lte, ne } from 'drizzle-orm';
import type { TenantTx } from '../platform/database/tenant-tx.js';
import { credentials, credentialVersions } from './credentials.table.js';

export type CredentialRow = typeof credentials.$inferSelect;
export type VersionRow = typeof credentialVersions.$inferSelect;
/** A version without its ciphertext, for listings and decisions. */
export type VersionInfo = Pick<VersionRow, 'credentialId' | 'version' | 'binding' | 'fields' | 'state' | 'expiresAt'>;

const VERSION_INFO = {
  credentialId: credentialVersions.credentialId,
  version: credentialVersions.version,
  binding: credentialVersions.binding,
  fields: credentialVersions.fields,
  state: credentialVersions.state,
  expiresAt: credentialVersions.expiresAt,
};

export async function insertCredential(
  tx: TenantTx,
  row: Omit<typeof credentials.$inferInsert, 'tenantId'>,
): Promise<void> {
  await tx.db.insert(credentials).values({ ...row, tenantId: tx.tenantId });
}

export async function insertVersion(
  tx: TenantTx,
  row: Omit<typeof credentialVersions.$inferInsert, 'tenantId'>,
): Promise<void> {
  await tx.db.insert(credentialVersions).values({ ...row, tenantId: tx.tenantId });
}

export async function findCredential(tx: TenantTx, name: string): Promise<CredentialRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(credentials)
    .where(and(eq(credentials.tenantId, tx.tenantId), eq(credentials.name, name), isNull(credentials.deletedAt)));
  return row;
}

export async function listCredentials(
  tx: TenantTx,
  afterId: string | undefined,
  limit: number,
): Promise<CredentialRow[]> {
  const after = afterId === undefined ? undefined : gt(credentials.id, afterId);
  return tx.db
    .select()
    .from(credentials)
    .where(and(eq(credentials.tenantId, tx.tenantId), isNull(credentials.deletedAt), after))
    .orderBy(asc(credentials.id))
    .limit(limit);
}

export async function updateCredential(
  tx: TenantTx,
  id: string,
  set: Partial<
    Pick<CredentialRow, 'version' | 'minimumTier' | 'injection' | 'approval' | 'perMinute' | 'updatedAt' | 'deletedAt'>
  >,
): Promise<void> {
  await tx.db
    .update(credentials)
    .set(set)
    .where(and(eq(credentials.tenantId, tx.tenantId), eq(credentials.id, id)));
}

/** The versions of some credentials that are not retired, newest last. */
export async function liveVersions(tx: TenantTx, credentialIds: readonly string[]): Promise<VersionInfo[]> {
  if (credentialIds.length === 0) return [];
  return tx.db
    .select(VERSION_INFO)
    .from(credentialVersions)
    .where(
      and(
        eq(credentialVersions.tenantId, tx.tenantId),
        inArray(credentialVersions.credentialId, [...credentialIds]),
        ne(credentialVersions.state, 'retired'),
      ),
    )
    .orderBy(asc(credentialVersions.version));
}

const oneVersion = (tx: TenantTx, credentialId: string, version: number) =>
  and(
    eq(credentialVersions.tenantId, tx.tenantId),
    eq(credentialVersions.credentialId, credentialId),
    eq(credentialVersions.version, version),
  );

/** The sealed value of one version, ciphertext and all. */
export async function findVersion(
  tx: TenantTx,
  credentialId: string,
  version: number,
): Promise<VersionRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(credentialVersions)
    .where(oneVersion(tx, credentialId, version));
  return row;
}

/** The current version stays usable until `until`; without it, it is retired at once. */
export async function endCurrentVersion(tx: TenantTx, credentialId: string, until: Date | null): Promise<void> {
  const set =
    until === null
      ? { state: 'retired' as const, wrappedDek: null, ciphertext: null }
      : { state: 'grace' as const, expiresAt: until };
  await tx.db
    .update(credentialVersions)
    .set(set)
    .where(
      and(
        eq(credentialVersions.tenantId, tx.tenantId),
        eq(credentialVersions.credentialId, credentialId),
        eq(credentialVersions.state, 'current'),
      ),
    );
}

/** Forgets every value of a credential: keys and ciphertexts are gone from the row. */
export async function retireAllVersions(tx: TenantTx, credentialId: string): Promise<void> {
  await tx.db
    .update(credentialVersions)
    .set({ state: 'retired', wrappedDek: null, ciphertext: null })
    .where(and(eq(credentialVersions.tenantId, tx.tenantId), eq(credentialVersions.credentialId, credentialId)));
}

export async function hasExpiredVersions(tx: TenantTx, now: Date): Promise<boolean> {
  return (await tx.db.$count(credentialVersions, expired(tx, now))) > 0;
}

const expired = (tx: TenantTx, now: Date) =>
  and(
    eq(credentialVersions.tenantId, tx.tenantId),
    eq(credentialVersions.state, 'grace'),
    lte(credentialVersions.expiresAt, now),
  );

/** Versions whose grace is over lose their value; says which. */
export async function retireExpiredVersions(
  tx: TenantTx,
  now: Date,
): Promise<{ credentialId: string; version: number }[]> {
  return tx.db
    .update(credentialVersions)
    .set({ state: 'retired', wrappedDek: null, ciphertext: null })
    .where(expired(tx, now))
    .returning({ credentialId: credentialVersions.credentialId, version: credentialVersions.version });
}

export interface WrappedVersion {
  readonly credentialId: string;
  readonly version: number;
  readonly kekVersion: number;
  readonly wrappedDek: Buffer;
}

/** Versions that still hold a value, wrapped under another KEK than the given one. */
export async function versionsUnderOtherKeks(tx: TenantTx, kekVersion: number): Promise<WrappedVersion[]> {
  const { credentialId, version, kekVersion: own, wrappedDek } = credentialVersions;
  const rows = await tx.db
    .select({ credentialId, version, kekVersion: own, wrappedDek })
    .from(credentialVersions)
    .where(and(eq(credentialVersions.tenantId, tx.tenantId), ne(own, kekVersion), isNotNull(wrappedDek)));
  return rows.map((row) => ({ ...row, wrappedDek: row.wrappedDek as Buffer }));
}

export async function moveVersion(
  tx: TenantTx,
  credentialId: string,
  version: number,
  to: { readonly kekVersion: number; readonly wrappedDek: Buffer },
): Promise<void> {
  await tx.db
    .update(credentialVersions)
    .set(to)
    .where(oneVersion(tx, credentialId, version));
}
