import type { Client, QueryConfig } from 'pg';
import { readEntriesBetween } from '../src/audit/audit.repository.js';
import { asTenantTx } from '../src/platform/database/tenant-database.js';
import { storedId } from '../src/platform/ids.js';
import type { PooledConnection } from '../src/platform/database/tenant-pools.js';
import { cpuUs } from './cpu.js';
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
/** Calls of one side before the other has its turn: what disturbs the machine for a moment disturbs both. */
const BLOCK = 100;
const OPEN_SCHEMA = 'bench_open';
const SIDES = ['secured', 'open'] as const;

type Side = (typeof SIDES)[number];
/** As the product sends it, or without its name: then it is parsed and planned anew with each call. */
type Way = 'prepared' | 'planned anew';
type Measured = Readonly<Record<Side, { readonly us: number; readonly cpuUs: number }>>;
type Connections = Readonly<Record<Side, PooledConnection>>;

/** The product's own page of a tenant's audit log: from the table as it is, and from a copy without row security. */
export async function benchRls(options: RlsOptions): Promise<void> {
  const world = await startWorld();
  const { tenants, close } = await openTenants(world);
  try {
    const tenantId = storedId('ten', (await world.newTenant()).id) ?? '';
    await fill(world, tenantId);
    const connect = () => tenants.connection(tenantId, 'general');
    const connections: Connections = { secured: await connect(), open: await connect() };
    await connections.open.client.query(`set search_path = ${OPEN_SCHEMA}`);
    const results = { prepared: [] as Measured[], 'planned anew': [] as Measured[] };
    for (let round = -1; round < options.rounds; round += 1) {
      for (const way of ['prepared', 'planned anew'] as const) {
        const measured = await once(connections, tenantId, way, options.calls);
        if (round >= 0) results[way].push(measured);
      }
    }
    for (const side of SIDES) connections[side].release(true);
    print(results, options);
  } finally {
    await close();
    await world.close();
  }
}

/** One round: both sides in blocks by turns, the first of each turn the second of the next. */
async function once(connections: Connections, tenantId: string, way: Way, calls: number): Promise<Measured> {
  const pids = { secured: await backendOf(connections.secured), open: await backendOf(connections.open) };
  const before = { secured: cpuUs(pids.secured), open: cpuUs(pids.open) };
  const blocks = { secured: [] as number[], open: [] as number[] };
  for (let from = 0; from < calls; from += BLOCK) {
    const order = (from / BLOCK) % 2 === 0 ? SIDES : [...SIDES].reverse();
    for (const side of order) blocks[side].push(await block(connections[side].client, tenantId, way, from));
  }
  const made = Math.ceil(calls / BLOCK) * BLOCK;
  const of = (side: Side) => ({ us: median(blocks[side]), cpuUs: (cpuUs(pids[side]) - before[side]) / made });
  return { secured: of('secured'), open: of('open') };
}

/** Microseconds a page, over a block of them, each read by the product's own function. */
async function block(client: Client, tenantId: string, way: Way, from: number): Promise<number> {
  const tx = asTenantTx(tenantId, way === 'prepared' ? client : forgetful(client));
  const started = performance.now();
  for (let call = from; call < from + BLOCK; call += 1) {
    const first = 1 + ((call * 97) % (ROWS - PAGE));
    const entries = await readEntriesBetween(tx, first, first + PAGE - 1);
    if (entries.length !== PAGE) throw new Error(`${entries.length} entries instead of ${PAGE}`);
  }
  return ((performance.now() - started) * 1000) / BLOCK;
}

/** The same client, with a statement's name forgotten: PostgreSQL then keeps no plan of it. */
function forgetful(client: Client): Client {
  const query = ({ text, values }: QueryConfig) => client.query(text, values);
  return { query } as unknown as Client;
}

async function backendOf({ client }: PooledConnection): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? 0;
}

/**
 * The same rows of this tenant and others in the product's table and in a copy, which lacks row security and nothing
 * else: neither has planner statistics of columns, as no table of a tenant has.
 */
async function fill(world: World, tenantId: string): Promise<void> {
  await asSuperuser(world, async (client) => {
    await client.query(`create schema ${OPEN_SCHEMA}`);
    await client.query(`create table ${OPEN_SCHEMA}.audit_entries (like chancery.audit_entries including all)`);
    await client.query(`grant usage on schema ${OPEN_SCHEMA} to chancery_tenant`);
    await client.query(`grant select on ${OPEN_SCHEMA}.audit_entries to chancery_tenant`);
    await client.query(WITHOUT_STATISTICS);
    await client.query('truncate chancery.audit_entries');
    await client.query(
      `create temporary table tenants as
      select $1::uuid as id union all select gen_random_uuid() from generate_series(1, ${OTHER_TENANTS})`,
      [tenantId],
    );
    for (const schema of ['chancery', OPEN_SCHEMA]) {
      await client.query(
        `insert into ${schema}.audit_entries (tenant_id, seq, at, actor, action, outcome, details, salt, prev, hash)
         select id, seq, now(), 'agent:agt_1', 'credential.use', 'intent', '{}', '\\x00', '\\x00', '\\x00'
         from tenants, generate_series(1, ${ROWS}) seq`,
      );
      await client.query(`vacuum analyze ${schema}.audit_entries`);
    }
  });
}

/** What the migrations say of every column of ours, and of what an index computes. */
const WITHOUT_STATISTICS = `do $$ declare c record; begin
  for c in select r.oid::regclass as relation, r.relkind, a.attname, a.attnum
           from pg_class r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0
           where r.relnamespace = '${OPEN_SCHEMA}'::regnamespace and (r.relkind = 'r' or r.relkind = 'i'
             and (select i.indkey[a.attnum - 1] = 0 from pg_index i where i.indexrelid = r.oid)) loop
    if c.relkind = 'r' then execute format('alter table %s alter column %I set statistics 0', c.relation, c.attname);
    else execute format('alter index %s alter column %s set statistics 0', c.relation, c.attnum);
    end if;
  end loop;
end $$`;

function print(results: Readonly<Record<Way, readonly Measured[]>>, { rounds, calls, json }: RlsOptions): void {
  const ratio = (way: Way, of: 'us' | 'cpuUs'): number =>
    rounded(median(results[way].map(({ secured, open }) => secured[of] / open[of])), 3);
  const row = (way: Way, side: Side) => {
    const pick = (of: 'us' | 'cpuUs') => rounded(median(results[way].map((measured) => measured[side][of])), 1);
    return { us: pick('us'), postgres_cpu_us: pick('cpuUs') };
  };
  const ways = { prepared: 'prepared', anew: 'planned anew' } as const;
  if (json) {
    const sides = Object.entries(ways).map(([name, way]) => [
      name,
      {
        ratio: ratio(way, 'us'),
        cpu_ratio: ratio(way, 'cpuUs'),
        ...Object.fromEntries(SIDES.map((s) => [s, row(way, s)])),
      },
    ]);
    return console.log(JSON.stringify({ ratio_rls: ratio('prepared', 'us'), ...Object.fromEntries(sides) }));
  }
  const lines = Object.values(ways).flatMap((way) => [
    ...SIDES.map((side) => {
      const { us, postgres_cpu_us: cpu } = row(way, side);
      return [`${way}, ${side === 'secured' ? 'with row security' : 'without'}`, us, cpu];
    }),
    [`${way}, ratio`, ratio(way, 'us'), ratio(way, 'cpuUs')],
  ]);
  console.log(table([['page', 'µs', 'PostgreSQL CPU µs'], ...lines]));
  console.log(`\n${rounds} rounds of ${calls} pages of ${PAGE}, medians. ${machine()}`);
}
