import { text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { chancerySchema } from '../platform/database/tenant-table.js';

/** The directory: which tenants exist. Not a tenant table; only the directory's own login reads and writes it. */
export const tenants = chancerySchema.table('tenants', {
  id: uuid('id').primaryKey(),
  namespace: text('namespace').notNull().unique(),
  name: text('name').notNull(),
  createdAt: timestamp('created_at', { withTimezone: true, precision: 3 }).notNull(),
});
