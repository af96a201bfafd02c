import { z } from 'zod';
import { PLATFORM_TENANT_ID } from '../ids.js';
import type { TenantDatabase } from './tenant-database.js';

/** What PostgreSQL calls itself: `initdb` draws the one, a recovery or a promotion raises the other. */
export const databaseIdentity = z.object({ system: z.string(), timeline: z.number().int() });
export type DatabaseIdentity = Readonly<z.output<typeof databaseIdentity>>;

export async function readDatabaseIdentity(database: TenantDatabase): Promise<DatabaseIdentity> {
  return database.inTenant(
    PLATFORM_TENANT_ID,
    async (tx) => {
      const { rows } = await tx.client.query(
        `select s.system_identifier::text as system, c.timeline_id as timeline
         from pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c`,
      );
      return databaseIdentity.parse(rows[0]);
    },
    { lane: 'control', readOnly: true },
  );
}
