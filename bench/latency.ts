import { currentNonce, drive, driveAt, type Measured, openPool, prepare } from './load.js';
import { machine, median, rounded, table } from './report.js';
import { directCalls, executeTarget, openDirect, startWorld } from './world.js';

export interface LatencyOptions {
  readonly rounds: number;
  /** Calls of each side in a round. */
  readonly calls: number;
  /** At a time while the most it can do is looked for. */
  readonly inFlight: number;
  readonly json: boolean;
}

const WARM_UP_ROUNDS = 4;
const CONNECTIONS = 256;

/** What a call through the server takes longer than straight to the API, while both are asked half of what the server can do. */
export async function benchLatency({ rounds, calls, inFlight, json }: LatencyOptions): Promise<void> {
  const world = await startWorld();
  const direct = openDirect(world, CONNECTIONS);
  const through = openPool(world.tenantUrl, CONNECTIONS);
  try {
    const tenant = await world.newTenant();
    await world.storeCredential(tenant);
    const agent = await world.newAgent(tenant);
    const asked = async () => prepare([agent], executeTarget(world), await currentNonce(world.tenantUrl), calls);
    const peaks: number[] = [];
    for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
      const { rps } = await drive(through, await asked(), inFlight);
      if (round >= 0) peaks.push(rps);
    }
    const perSecond = Math.round(median(peaks) / 2);
    const sides = { direct: [] as Measured[], chancery: [] as Measured[] };
    // The first has its connections to make.
    await driveAt(direct, directCalls(calls), perSecond);
    for (let round = 0; round < rounds; round += 1) {
      const requests = await asked();
      sides.direct.push(good(await driveAt(direct, directCalls(calls), perSecond), calls));
      sides.chancery.push(good(await driveAt(through, requests, perSecond), calls));
    }
    print(perSecond, sides, json);
  } finally {
    await Promise.all([direct.close(), through.close()]);
    await world.close();
  }
}

function good(measured: Measured, calls: number): Measured {
  if (measured.statuses[200] !== calls) throw new Error(JSON.stringify(measured.statuses));
  return measured;
}

function print(perSecond: number, sides: Record<'direct' | 'chancery', Measured[]>, json: boolean): void {
  const summary = (rounds: Measured[]) => ({
    p50_ms: rounded(median(rounds.map(({ p50Ms }) => p50Ms))),
    p99_ms: rounded(median(rounds.map(({ p99Ms }) => p99Ms))),
  });
  const { direct, chancery } = sides;
  const added = (of: (round: Measured) => number): number =>
    rounded(median(chancery.map((round, index) => of(round) - of(direct[index] as Measured))));
  const [p50, p99] = [added(({ p50Ms }) => p50Ms), added(({ p99Ms }) => p99Ms)];
  const both = { direct: summary(direct), chancery: summary(chancery) };
  if (json)
    return console.log(JSON.stringify({ per_second: perSecond, added_p50_ms: p50, added_p99_ms: p99, ...both }));
  const rows = Object.entries(both).map(([name, s]) => [name, s.p50_ms, s.p99_ms]);
  console.log(table([[`${perSecond} a second`, 'p50 ms', 'p99 ms'], ...rows]));
  console.log(`\nadded at half load: p50 ${p50} ms, p99 ${p99} ms\n${direct.length} rounds, medians. ${machine()}`);
}
