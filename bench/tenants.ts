import { randomUUID } from 'node:crypto';
import { scramVerifier, TENANT_GROUP, tenantRole } from '../src/platform/database/roles.js';
import { asSuperuser } from './database.js';
import { currentNonce, drive, type Measured, openPool, prepare } from './load.js';
import { machine, median, rounded, table } from './report.js';
import { type BenchAgent, executeTarget, startWorld, type World } from './world.js';

export interface TenantsOptions {
  readonly rounds: number;
  readonly calls: number;
  readonly inFlight: number;
  readonly json: boolean;
  readonly registered: number;
  readonly active: number;
}

const FEW = 10;
const ROLES_AT_ONCE = 500;
const FURNISHED_AT_ONCE = 8;
/** One connection for the committer of each, and what loads policies and answers control acts. */
const SPARE_CONNECTIONS = 100;
const OPENS_PER_SECOND = 1_000;

/** How long the slowest calls take with many tenants, over the same with few: who is there must not cost who works. */
export async function benchTenants(options: TenantsOptions): Promise<void> {
  const connections = options.active * 2 + SPARE_CONNECTIONS;
  const env = { POOL_TOTAL_MAX: String(connections), POOL_OPENS_PER_SECOND: String(OPENS_PER_SECOND) };
  const world = await startWorld({ env, postgresFlags: ['-c', `max_connections=${connections + SPARE_CONNECTIONS}`] });
  try {
    const few = await furnish(world, FEW);
    const rounds = { few: [] as Measured[], many: [] as Measured[] };
    // The few alone first: afterwards there is no going back to a server that knows ten tenants.
    const alone: Measured[] = [];
    for (let round = -1; round < options.rounds; round += 1) {
      const measured = await once(world, few, options);
      if (round >= 0) alone.push(measured);
    }
    await register(world, options.registered - options.active);
    const many = [...few, ...(await furnish(world, options.active - FEW))];
    await once(world, many, { ...options, calls: many.length * 2 });
    for (let round = 0; round < options.rounds; round += 1) {
      rounds.many.push(await once(world, many, options));
      rounds.few.push(await once(world, few, options));
    }
    print(alone, rounds.few, rounds.many, options);
  } finally {
    await world.close();
  }
}

async function once(world: World, agents: BenchAgent[], { calls, inFlight }: TenantsOptions): Promise<Measured> {
  const requests = await prepare(agents, executeTarget(world), await currentNonce(world.tenantUrl), calls);
  const pool = openPool(world.tenantUrl, inFlight);
  const measured = await drive(pool, requests, inFlight);
  await pool.close();
  if ((measured.statuses[200] ?? 0) < calls * 0.98) throw new Error(JSON.stringify(measured.statuses));
  return measured;
}

/** Through the product's own doors, some at a time. */
async function furnish(world: World, count: number): Promise<BenchAgent[]> {
  const agents: BenchAgent[] = [];
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun++ < count) {
      const tenant = await world.newTenant();
      await world.storeCredential(tenant);
      agents.push(await world.newAgent(tenant));
    }
  };
  await Promise.all(Array.from({ length: Math.min(FURNISHED_AT_ONCE, count) }, worker));
  return agents;
}

/** The rest only exist: a login, a line in the directory, and the head of a chain. */
async function register(world: World, count: number): Promise<void> {
  // The same password for all: nobody logs in as one of them, and one verifier is cheaper than ten thousand.
  const verifier = scramVerifier(randomUUID());
  await asSuperuser(world, async (client) => {
    for (let made = 0; made < count; made += ROLES_AT_ONCE) {
      const ids = Array.from({ length: Math.min(ROLES_AT_ONCE, count - made) }, () => randomUUID());
      const roles = ids.map(
        (id) => `create role ${tenantRole(id)} login password '${verifier}' in role ${TENANT_GROUP}`,
      );
      await client.query(roles.join(';'));
      await client.query(
        `insert into chancery.tenants (id, namespace, name, created_at)
         select id, 'r' || replace(id::text, '-', ''), 'Registered', now() from unnest($1::uuid[]) id`,
        [ids],
      );
      await client.query(
        `insert into chancery.chain_head (tenant_id, seq, hash, epoch)
         select id, 0, '\\x00', 0 from unnest($1::uuid[]) id`,
        [ids],
      );
    }
  });
}

function print(alone: Measured[], few: Measured[], many: Measured[], options: TenantsOptions): void {
  const of = (rounds: Measured[], pick: (round: Measured) => number): number => rounded(median(rounds.map(pick)));
  const side = (rounds: Measured[]) => ({
    rps: of(rounds, ({ rps }) => rps),
    p50_ms: of(rounds, ({ p50Ms }) => p50Ms),
    p99_ms: of(rounds, ({ p99Ms }) => p99Ms),
  });
  const sides = { few_alone: side(alone), few_among_all: side(few), active_among_all: side(many) };
  const ratio = rounded(median(many.map(({ p99Ms }, index) => p99Ms / (few[index] as Measured).p99Ms)), 3);
  const overAlone = rounded(sides.active_among_all.p99_ms / sides.few_alone.p99_ms, 3);
  if (options.json) return console.log(JSON.stringify({ ratio_p99: ratio, ratio_p99_over_alone: overAlone, ...sides }));
  const rows = Object.entries(sides).map(([name, s]) => [name, s.rps, s.p50_ms, s.p99_ms]);
  console.log(table([['tenants', 'calls/s', 'p50 ms', 'p99 ms'], ...rows]));
  console.log(`\np99 of ${options.active} active, of ${options.registered}, over that of ${FEW}: ${ratio} in the same`);
  console.log(`rounds, ${overAlone} over the ten alone`);
  console.log(
    `${options.rounds} rounds of ${options.calls} calls, ${options.inFlight} in flight, medians. ${machine()}`,
  );
}
