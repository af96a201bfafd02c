import { Injectable } from '@nestjs/common';
import { TenantDatabase } from '../platform/database/tenant-database.js';
import { type CredentialView, credentialView } from './credential.js';
import { credentialNotFound } from './credentials.errors.js';
import { findCredential, listCredentials, liveVersions } from './credentials.repository.js';

/** What is known of credentials, without any value. */
@Injectable()
export class ReadCredentials {
  constructor(private readonly database: TenantDatabase) {}

  list(tenantId: string, afterId: string | undefined, limit: number): Promise<CredentialView[]> {
    return this.database.inTenant(
      tenantId,
      async (tx) => {
        const rows = await listCredentials(tx, afterId, limit);
        const ids = rows.map((row) => row.id);
        const versions = await liveVersions(tx, ids);
        return rows.map((row) =>
          credentialView(
            row,
            versions.filter((version) => version.credentialId === row.id),
          ),
        );
      },
      { readOnly: true, isolation: 'repeatable read' },
    );
  }

  show(tenantId: string, name: string): Promise<CredentialView> {
    return this.database.inTenant(
      tenantId,
      async (tx) => {
        const row = await findCredential(tx, name);
        if (row === undefined) throw credentialNotFound();
        return credentialView(row, await liveVersions(tx, [row.id]));
      },
      { readOnly: true, isolation: 'repeatable read' },
    );
  }
}
