import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { execute, newAgent, storeCredential } from '../support/app.js';
import { Chance } from '../support/crash/chance.js';
import { CrashSite } from '../support/crash/crash-site.js';
import { Inspection } from '../support/crash/inspection.js';
import { type Crew, Traffic } from '../support/crash/traffic.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';

/** `npm run test:long` kills a hundred times; a seed that failed can be had again. */
const KILLS = Number(process.env.CHANCERY_TEST_KILLS ?? (process.env.CHANCERY_TEST_LONG === '1' ? 100 : 10));
const SEED = Number(process.env.CHANCERY_TEST_SEED ?? randomInt(2 ** 31));
const KILL_WITHIN_MS = 500;
const IN_FLIGHT_MIN = 32;
/** Calls that were answered before the clock of a kill begins to run: a process that just came up is idle. */
const WARM_AFTER = 16;
const RECOVERS_WITHIN_MS = 60_000;
const MS_PER_KILL = 30_000;

jest.setTimeout(60_000 + KILLS * MS_PER_KILL);

let site: CrashSite;
let crews: Crew[];
let inspection: Inspection;
let told: string[];
let traffic: Traffic | undefined;
beforeAll(async () => {
  site = await CrashSite.create();
  await site.startWorker();
  crews = [await furnish(), await furnish()];
  inspection = new Inspection(site, crews);
});
beforeEach(() => {
  told = [];
});
afterEach(async () => {
  await traffic?.stop();
  process.stderr.write(told.map((line) => `  ${line}\n`).join(''));
});
afterAll(() => site?.close());

async function furnish(): Promise<Crew> {
  const tenant = await site.newTenant();
  const agents = [];
  for (const name of ['a', 'b', 'c', 'd']) agents.push(await newAgent(site, tenant, name, 'GUARDIAN'));
  await storeCredential(tenant, 'key', 'sk-live-0123456789abcdef', { grantTo: agents });
  return { tenant, agents };
}

/** Calls go on until the chosen moment, with enough of them in flight; then `die` is called. */
async function underFire(chance: Chance, die: () => Promise<unknown>): Promise<Traffic> {
  const fire = (traffic = new Traffic(crews));
  const delayMs = chance.below(KILL_WITHIN_MS);
  await eventually(
    () => fire.acknowledged.length,
    (warm) => warm >= WARM_AFTER,
    RECOVERS_WITHIN_MS,
  );
  await sleep(delayMs);
  await eventually(
    () => fire.inFlight,
    (inFlight) => inFlight >= IN_FLIGHT_MIN,
    RECOVERS_WITHIN_MS,
  );
  await die();
  return fire;
}

/** Adds up what many rounds found. */
class Tally {
  readonly #counts = new Map<string, number>();

  add(counts: Iterable<readonly [string, number]>): void {
    for (const [name, count] of counts) this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  toString(): string {
    return [...this.#counts].map(([name, count]) => `${count} ${name}`).join(', ');
  }
}

/** Kills again and again, until one leaves a fault; gives back what that one left. */
async function kills(seed: number, round: (chance: Chance, tally: Tally) => Promise<unknown[]>): Promise<unknown[]> {
  const chance = new Chance(seed);
  const tally = new Tally();
  for (let kill = 1; kill <= KILLS; kill++) {
    const faults = await round(chance, tally);
    if (faults.length === 0) continue;
    told.push(`kill ${kill} of CHANCERY_TEST_SEED=${SEED} left ${faults.length} faults`);
    for (const line of site.app.lines.filter(({ level }) => level === 'error').slice(-5))
      told.push(JSON.stringify(line));
    return faults.slice(0, 5);
  }
  told.push(`${KILLS} kills, CHANCERY_TEST_SEED=${SEED}: ${String(tally)}`);
  return [];
}

test('P14: the worker dies at any moment: no call notices, and checkpoints go on', async () => {
  const faults = await kills(SEED, async (chance, tally) => {
    const fire = await underFire(chance, () => site.worker.kill());
    await sleep(chance.below(KILL_WITHIN_MS));
    await Promise.all([fire.stop(), site.startWorker()]);
    tally.add(fire.answers);
    const { faults: lost, intents, unknown } = await inspection.compare(fire, false);
    tally.add([
      ['intents', intents],
      ['unknown', unknown],
    ]);
    const verified = await inspection.verify();
    // A machine that runs other tests too may be slow, even too slow for a lease; that has nothing to do with the worker.
    const lostLease = site.app.lines.some(({ msg }) => String(msg).startsWith('this node has lost its lease'));
    const excused = lostLease ? /^20|over_capacity|call_cut/ : /^20|over_capacity/;
    const noticed = [...fire.answers.keys()].filter((answer) => !excused.test(answer));
    return [...lost, ...verified.faults, ...noticed, ...(await inspection.deeds(fire.deeds))];
  });
  expect(faults).toEqual([]);
  expect((await inspection.verify()).checkpoints).toBeGreaterThan(KILLS / 2);
  // The bundle finds what is started from a file of its own.
  expect(site.app.lines.map(({ msg }) => msg)).not.toContainEqual(expect.stringContaining('checks proofs ended'));
});

test('P14, P7: the application dies at any moment: nothing acknowledged is lost, and it comes up sealed', async () => {
  const [crew] = crews as [Crew];
  const faults = await kills(SEED + 1, async (chance, tally) => {
    const fire = await underFire(chance, () => site.app.kill());
    await fire.stop();
    tally.add(fire.answers);
    await inspection.sweep();
    const { faults: lost, intents, unknown } = await inspection.compare(fire, true);
    tally.add([
      ['intents', intents],
      ['unknown', unknown],
    ]);
    await site.startApp();
    expect((await site.staff('GET', '/v1/vault')).body).toEqual({ state: 'sealed' });
    const sealed = await eventually(
      () => execute(crew.agents[0] as DpopAgent, 'key'),
      ({ body }) => body.code !== 'over_capacity',
    );
    expect([sealed.status, sealed.body.code]).toEqual([503, 'vault_sealed']);
    const [deeds, verified] = [await inspection.deeds(fire.deeds), await inspection.verify()];
    await site.unseal();
    return [...lost, ...deeds, ...verified.faults];
  });
  expect(faults).toEqual([]);
});

test('P14: PostgreSQL dies at any moment: clear answers meanwhile, and nothing acknowledged is lost', async () => {
  const faults = await kills(SEED + 2, async (chance, tally) => {
    const fire = await underFire(chance, () => site.cluster.kill(chance.below(2) === 0 ? 'postmaster' : 'all'));
    await site.cluster.startAgain();
    const before = fire.acknowledged.length;
    await eventually(
      () => fire.acknowledged.length,
      (now) => now > before + WARM_AFTER,
      RECOVERS_WITHIN_MS,
    );
    await fire.stop();
    tally.add(fire.answers);
    await inspection.sweep();
    const { faults: lost, intents, unknown } = await inspection.compare(fire, false);
    tally.add([
      ['intents', intents],
      ['unknown', unknown],
    ]);
    const [deeds, verified] = [await inspection.deeds(fire.deeds), await inspection.verify()];
    return [...lost, ...deeds, ...verified.faults];
  });
  expect(faults).toEqual([]);
});
