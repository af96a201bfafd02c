import type { OutboxBacklog } from '../queue/outbox-backlog.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { TenantPools } from './tenant-pools.js';

/** How what is known of the connections, and of the work that waits in the database, is called. */
export function meterDatabase(
  metrics: Metrics,
  { pools, max, backlog }: { pools: TenantPools; max: number; backlog: OutboxBacklog },
): void {
  metrics.gauge('chancery_database_connections', 'Open connections of tenants’ logins, by what they are for.', () =>
    Object.entries(pools.openByUse).map(([use, open]) => [{ use }, open] as const),
  );
  metrics.gauge('chancery_database_connections_max', 'POOL_TOTAL_MAX.', () => max);
  metrics.gauge('chancery_database_waiting', 'Who waits for a connection.', () => pools.waiting);
  metrics.gauge('chancery_outbox_due_jobs', 'Work behind acts whose time has come, on all nodes; 10000 at most.', () =>
    backlog.read().then(({ due }) => due),
  );
  metrics.gauge('chancery_outbox_oldest_due_seconds', 'For how long the first of it has been due.', () =>
    backlog.read().then(({ oldest_seconds: seconds }) => seconds),
  );
}
