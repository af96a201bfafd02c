import { cpuUs } from './cpu.js';
import { storedId } from '../src/platform/ids.js';
import type { PooledConnection } from '../src/platform/database/tenant-pools.js';
import { asSuperuser, openTenants } from './database.js';
import { machine, median, rounded, table } from './report.js';
import { startWorld, type World } from './world.js';

export interface RlsOptions {
  readonly rounds: number;
  readonly calls: number;
  readonly json: boolean;
}

const ROWS = 10_000;
const OTHER_TENANTS = 20;
const PAGE = 50;

/** A tenant's page of its audit log, with row security and on a copy of the table without. */
export async function benchRls(options: RlsOptions): Promise<void> {
  const world = await startWorld();
  const { tenants, close } = await openTenants(world);
  try {
    const tenantId = storedId('ten', (await world.newTenant()).id) ?? '';
    await fill(world, tenantId);
    const connection = await tenants.connection(tenantId, 'general');
    const { rows } = await connection.client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const backend = rows[0]?.pid ?? 0;
    const times: { secured: number[]; open: number[] } = { secured: [], open: [] };
    const cpu = { secured: 0, open: 0 };
    for (let round = -1; round < options.rounds; round += 1) {
      const order = round % 2 === 0 ? (['secured', 'open'] as const) : (['open', 'secured'] as const);
      for (const name of order) {
        const before = cpuUs(backend);
        const us = await once(connection, `chancery.bench_${name}`, tenantId, options.calls);
        if (round < 0) continue;
        times[name].push(us);
        cpu[name] += cpuUs(backend) - before;
      }
    }
    connection.release();
    const ratio = rounded(median(times.secured.map((us, index) => us / (times.open[index] as number))), 3);
    const us = { secured: rounded(median(times.secured), 1), open: rounded(median(times.open), 1) };
    if (options.json)
      return console.log(JSON.stringify({ ratio_rls: ratio, secured_us: us.secured, open_us: us.open }));
    console.log(
      table([
        ['table', 'µs a query'],
        ['with row security', us.secured],
        ['without', us.open],
      ]),
    );
    console.log(`\nwith over without ${ratio}`);
    console.log(`${options.rounds} rounds of ${options.calls} queries, medians. ${machine()}`);
  } finally {
    await close();
    await world.close();
  }
}

async function once({ client }: PooledConnection, name: string, tenantId: string, calls: number): Promise<number> {
  const text = `select seq, at, actor, action, outcome from ${name} where tenant_id = $1 and seq > $2 order by seq limit ${PAGE}`;
  const from = performance.now();
  for (let call = 0; call < calls; call += 1) {
    const { rowCount } = await client.query({ name, text, values: [tenantId, (call * 97) % (ROWS - PAGE)] });
    if (rowCount !== PAGE) throw new Error(`${rowCount} rows instead of ${PAGE}`);
  }
  return ((performance.now() - from) * 1000) / calls;
}

/** Two tables alike, with this tenant's rows and others', one of them with the policy every tenant table has. */
async function fill(world: World, tenantId: string): Promise<void> {
  await asSuperuser(world, async (client) => {
    for (const name of ['secured', 'open']) {
      const full = `chancery.bench_${name}`;
      await client.query(`create table ${full} (like chancery.audit_entries including all)`);
      await client.query(
        `insert into ${full} (tenant_id, seq, at, actor, action, outcome, details, salt, prev, hash)
         select t, s, now(), 'agent:agt_1', 'credential.use', 'intent', '{}', '\\x00', '\\x00', '\\x00'
         from (select $1::uuid as t union all select gen_random_uuid() from generate_series(1, ${OTHER_TENANTS})) tenants,
              generate_series(1, ${ROWS}) s`,
        [tenantId],
      );
      await client.query(`grant select on ${full} to chancery_tenant`);
      await client.query(`vacuum analyze ${full}`);
    }
    await client.query('alter table chancery.bench_secured enable row level security');
    await client.query('alter table chancery.bench_secured force row level security');
    await client.query(`create policy tenant on chancery.bench_secured to chancery_tenant
      using (tenant_id = substr(session_user::text, 3)::uuid)
      with check (tenant_id = substr(session_user::text, 3)::uuid)`);
  });
}
