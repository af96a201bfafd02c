import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { cpuUs } from './cpu.js';
import { currentNonce, drive, type Measured, openPool, prepare, type Prepared } from './load.js';
import { type Started, startOurs, stop } from './processes.js';
import { machine, median, rounded, table } from './report.js';
import { type BenchAgent, executeTarget, startWorld, UPSTREAM_HOST, type World } from './world.js';

export interface ProxyOptions {
  readonly rounds: number;
  /** Calls of each side in a round. */
  readonly calls: number;
  readonly inFlight: number;
  readonly tenants: number;
  readonly json: boolean;
  /** One side, for looking at it alone. */
  readonly only: string | undefined;
  /** Where Aegis was checked out and built, if it is to run beside. */
  readonly aegis: string | undefined;
  /** Where the server writes a CPU profile, if anywhere. */
  readonly profile: string | undefined;
}

interface Side {
  readonly name: string;
  readonly base: string;
  readonly pid: number;
  /** Whether PostgreSQL works for it. */
  readonly database: boolean;
  prepare(count: number): Promise<Prepared[]>;
}

type Round = Measured & { readonly cpuUs: number; readonly databaseUs: number };

/** Enough for the compiler to have seen everything. In portions: a proof is good for a minute only. */
const WARM_UP = { rounds: 4, calls: 2_000 };
const GOOD_SHARE_MIN = 0.98;

/** Our proxied calls beside two pass-throughs: the same upstream, client and number in flight, round by round. */
export async function benchProxy(options: ProxyOptions): Promise<void> {
  if (options.aegis !== undefined) assertBuilt(options.aegis);
  if (options.profile !== undefined) mkdirSync(options.profile, { recursive: true });
  const nodeArgs = options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`];
  const world = await startWorld({ nodeArgs });
  const env = {
    UPSTREAM_PORT: String(world.upstream.said.port),
    UPSTREAM_HOST,
    UPSTREAM_CA: world.upstream.said.certificate,
  };
  const bare = await startOurs<{ port: number }>('pass-through', env);
  const proof = await startOurs<{ port: number }>('pass-through', { ...env, PROOF: '1' });
  const aegis = options.aegis === undefined ? null : await startAegis(options.aegis, world, env);
  try {
    const agents = await furnish(world, options.tenants);
    const sides = [
      passThrough('bare', bare, world, agents.slice(0, 1)),
      passThrough('same_proof', proof, world, agents.slice(0, 1)),
      ours('chancery', world, agents.slice(0, 1)),
      ...(aegis === null ? [] : [beside('aegis', aegis)]),
      ...(options.tenants > 1 ? [ours(`chancery_${options.tenants}_tenants`, world, agents)] : []),
    ];
    const chosen = sides.filter(({ name }) => options.only === undefined || name === options.only);
    if (chosen.length === 0)
      throw new Error(`there is no side ${options.only}, but ${sides.map(({ name }) => name).join(', ')}`);
    print(await measure(chosen, world, options), options);
  } finally {
    await Promise.all([bare, proof, aegis].filter((side) => side !== null).map(({ child }) => stop(child)));
    await world.close();
  }
}

/** Before anything is started. */
function assertBuilt(aegis: string): void {
  const built = path.resolve(aegis, 'dist/index.js');
  if (!existsSync(built)) throw new Error(`there is no ${built}: run "npm install && npx tsc" in the checkout first`);
}

function startAegis(dir: string, { dir: files }: World, env: Readonly<Record<string, string>>) {
  const trust = { NODE_EXTRA_CA_CERTS: path.join(files, 'ca.pem') };
  return startOurs<{ port: number }>('aegis', { ...env, ...trust, AEGIS_DIR: path.resolve(dir) });
}

async function furnish(world: World, tenants: number): Promise<BenchAgent[]> {
  const agents: BenchAgent[] = [];
  for (let made = 0; made < tenants; made += 1) {
    const tenant = await world.newTenant();
    await world.storeCredential(tenant);
    agents.push(await world.newAgent(tenant));
  }
  return agents;
}

async function measure(sides: readonly Side[], world: World, options: ProxyOptions): Promise<Map<string, Round[]>> {
  const results = new Map<string, Round[]>(sides.map(({ name }) => [name, []]));
  for (let round = -WARM_UP.rounds; round < options.rounds; round += 1) {
    for (let turn = 0; turn < sides.length; turn += 1) {
      // Who goes first changes from round to round.
      const side = sides[(turn + Math.max(round, 0)) % sides.length] as Side;
      const measured = await once(side, world, round < 0 ? WARM_UP.calls : options.calls, options.inFlight);
      if (round >= 0) results.get(side.name)?.push(measured);
      if (!options.json && round >= 0) {
        const { rps, p50Ms, p99Ms } = measured;
        console.error(
          `round ${round + 1} ${side.name.padEnd(20)} ${rounded(rps, 0)}/s ${rounded(p50Ms)} ${rounded(p99Ms)} ms`,
        );
      }
    }
  }
  return results;
}

async function once(side: Side, world: World, calls: number, inFlight: number): Promise<Round> {
  const requests = await side.prepare(calls);
  const pool = openPool(side.base, inFlight);
  const before = { server: cpuUs(side.pid), database: cpuUs(world.postgresPid, true) };
  const measured = await drive(pool, requests, inFlight);
  const cpu = (cpuUs(side.pid) - before.server) / calls;
  const databaseUs = side.database ? (cpuUs(world.postgresPid, true) - before.database) / calls : 0;
  await pool.close();
  // A machine that stalls costs the node its lease, and the calls of that moment their answer.
  if ((measured.statuses[200] ?? 0) < calls * GOOD_SHARE_MIN)
    throw new Error(`${side.name}: ${JSON.stringify(measured.statuses)}`);
  return { ...measured, cpuUs: cpu, databaseUs };
}

function passThrough(name: string, { said, pid }: Started<{ port: number }>, world: World, agents: BenchAgent[]): Side {
  const base = `http://127.0.0.1:${said.port}`;
  const target = { method: 'GET', base, path: '/v1/models', body: null } as const;
  const prepareAll = async (count: number) => prepare(agents, target, await currentNonce(world.tenantUrl), count);
  return { name, base, pid, database: false, prepare: prepareAll };
}

/** It asks for no proof: whoever reaches it may use what it holds. */
function beside(name: string, { said, pid }: Started<{ port: number }>): Side {
  const one = { method: 'GET', path: '/bench/v1/models', headers: {}, body: null } as const;
  const prepareAll = (count: number) => Promise.resolve(Array.from({ length: count }, () => one));
  return { name, base: `http://127.0.0.1:${said.port}`, pid, database: false, prepare: prepareAll };
}

function ours(name: string, world: World, agents: BenchAgent[]): Side {
  const base = world.tenantUrl;
  const target = executeTarget(world);
  const prepareAll = async (count: number) => prepare(agents, target, await currentNonce(base), count);
  return { name, base, pid: world.serverPid, database: true, prepare: prepareAll };
}

function print(results: Map<string, Round[]>, options: ProxyOptions): void {
  const sides = new Map([...results].map(([name, rounds]) => [name, summary(rounds)]));
  // Within a round, so that what else the machine does falls on both.
  const ratio = (over: string, of: string): number => {
    const [top, bottom] = [results.get(over), results.get(of)];
    if (top === undefined || bottom === undefined) return Number.NaN;
    return rounded(median(top.map(({ rps }, index) => rps / (bottom[index] as Round).rps)), 3);
  };
  const ratios = {
    ratio_same_proof: ratio('chancery', 'same_proof'),
    ratio_bare: ratio('chancery', 'bare'),
    ...(sides.has('aegis') && { ratio_aegis: ratio('chancery', 'aegis') }),
  };
  if (options.json) {
    console.log(JSON.stringify({ ...ratios, ...Object.fromEntries(sides) }));
    return;
  }
  const rows = [...sides].map(([name, s]) => [name, s.rps, s.p50_ms, s.p99_ms, s.cpu_us, s.postgres_cpu_us]);
  console.log(table([['side', 'calls/s', 'p50 ms', 'p99 ms', 'CPU µs', 'PostgreSQL CPU µs'], ...rows]));
  const over = 'ratio_aegis' in ratios ? `   Aegis ${ratios.ratio_aegis}` : '';
  console.log(`\nsame proof ${ratios.ratio_same_proof}   bare ${ratios.ratio_bare}${over}`);
  console.log(
    `${options.rounds} rounds of ${options.calls} calls, ${options.inFlight} in flight, medians. ${machine()}`,
  );
}

function summary(rounds: readonly Round[]) {
  const of = (pick: (round: Round) => number, digits: number): number => rounded(median(rounds.map(pick)), digits);
  return {
    rps: of((round) => round.rps, 0),
    p50_ms: of((round) => round.p50Ms, 2),
    p99_ms: of((round) => round.p99Ms, 2),
    cpu_us: of((round) => round.cpuUs, 0),
    postgres_cpu_us: of((round) => round.databaseUs, 0),
  };
}
