import { type ChainVerification, ChainVerifier } from '@chancery/protocol/audit-verify.js';
import { readEntries, readHead, type StoredEntry } from '../../src/audit/audit.repository.js';
import { publicId } from '../../src/platform/ids.js';
import type { OpenDatabase } from './database.js';

/** Everything in a tenant's chain. */
export function entriesOf({ tenants }: OpenDatabase, tenantId: string): Promise<StoredEntry[]> {
  return tenants.inTenant(tenantId, (tx) => readEntries(tx, { order: 'asc', limit: 1_000_000 }));
}

/** The verdict over the chain as it stands, its head included. */
export async function verdictOn(open: OpenDatabase, tenantId: string): Promise<ChainVerification> {
  const { entries, head } = await open.tenants.inTenant(
    tenantId,
    async (tx) => ({ head: await readHead(tx), entries: await readEntries(tx, { order: 'asc', limit: 1_000_000 }) }),
    { isolation: 'repeatable read' },
  );
  const verifier = new ChainVerifier({ tenant: publicId('ten', tenantId) });
  for (const { entry, hash } of entries) verifier.push(entry, hash);
  return verifier.finish({ expectedHead: { seq: head.seq, hash: head.hash } });
}
