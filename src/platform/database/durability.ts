import type { TenantDatabase } from './tenant-database.js';
import { PLATFORM_TENANT_ID } from '../ids.js';

/** Refusing to start: what is acknowledged here would not survive a power cut (P14). */
export class NotDurableError extends Error {
  override readonly name = 'NotDurableError';
}

const MUST_BE_ON = ['fsync', 'synchronous_commit', 'full_page_writes'] as const;

/** Asks the server as a tenant's own login, whose settings are the ones that count. */
export async function assertDurable(database: TenantDatabase): Promise<void> {
  for (const setting of MUST_BE_ON) {
    const value = await database.inTenant(
      PLATFORM_TENANT_ID,
      async (tx) => {
        const { rows } = await tx.client.query<{ value: string }>('select current_setting($1) as value', [setting]);
        return rows[0]?.value ?? '';
      },
      { lane: 'control' },
    );
    if (['off', 'local'].includes(value)) {
      throw new NotDurableError(`PostgreSQL runs with ${setting} = ${value}: set it to on, or nothing here is durable`);
    }
  }
}
