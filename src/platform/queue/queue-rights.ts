import type { ClientBase } from 'pg';

/** BullMQ serializes its own work with these; nobody but the queue's login may have them. */
const ADVISORY_LOCKS = ['pg_advisory_xact_lock', 'pg_advisory_xact_lock_shared', 'pg_try_advisory_xact_lock'];

/** What the queue's login needs beyond its schema, on a database that withdrew it from everybody. */
export async function grantQueueRights(admin: ClientBase, role: string): Promise<void> {
  for (const name of ADVISORY_LOCKS) {
    for (const types of ['bigint', 'integer, integer']) {
      await admin.query(`grant execute on function pg_catalog.${name}(${types}) to ${role}`);
    }
  }
}
