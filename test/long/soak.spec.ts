import { readFileSync } from 'node:fs';
import { newAgent, storeCredential, UPSTREAM_URL } from '../support/app.js';
import { CrashSite } from '../support/crash/crash-site.js';
import { Inspection } from '../support/crash/inspection.js';
import { ALLOWED, medianOf, NO_LIMITS, Press, type Pressed, sumOf } from '../support/press.js';

const MINUTES = Number(process.env.CHANCERY_SOAK_MINUTES ?? 30);
const MINUTE_MS = Number(process.env.CHANCERY_SOAK_MINUTE_MS ?? 60_000);
const SATURATING_LANES = 200;
const OVERLOAD_LANES = 4 * SATURATING_LANES;
const AGENTS = 8;
const GOODPUT_MIN = 0.8;
/** Each sixth minute saturates only: what the others are held against. */
const PEAK_EVERY = 6;
/** Between the first third and the last one; what fluctuates with the garbage collector is below it. */
const GROWTH_MAX = 1.1;
const SLACK_MIB = 32;

jest.setTimeout((MINUTES + 5) * MINUTE_MS + 120_000);

let site: CrashSite;
afterAll(() => site?.close());

/** What the operating system counts for the server, in MiB. */
function residentMib(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}

test('P20: half an hour of four times saturation: goodput stays, memory stays flat, nothing else is answered', async () => {
  site = await CrashSite.create({ CHANCERY_JOBS: 'inline', JOBS_EVERY_MS: '60000', ...NO_LIMITS });
  const tenant = await site.newTenant();
  const agents = await Promise.all(Array.from({ length: AGENTS }, (_, i) => newAgent(site, tenant, `busy-${i}`)));
  await storeCredential(tenant, 'key', 'sk-live-0123456789abcdef0123456789abcdef', { grantTo: agents });
  const headers = { authorization: 'Bearer {{CREDENTIAL}}' };
  const clients = new Press(agents, 'key', { method: 'GET', url: `${UPSTREAM_URL}/load`, headers });
  const saturated: Pressed[] = [];
  const overloaded: Pressed[] = [];
  const memory: number[] = [];
  try {
    await clients.press(SATURATING_LANES, MINUTE_MS / 6);
    for (let minute = 0; minute < MINUTES; minute += 1) {
      const isPeak = minute % PEAK_EVERY === 0;
      const pressed = await clients.press(isPeak ? SATURATING_LANES : OVERLOAD_LANES, MINUTE_MS);
      (isPeak ? saturated : overloaded).push(pressed);
      memory.push(residentMib(site.app.pid));
      const { answers, perSecond, slowestMs } = pressed;
      process.stderr.write(
        `  minute ${minute}${isPeak ? ' (saturated)' : ''}: ${perSecond} a second, slowest ${slowestMs} ms, ${Math.round(memory.at(-1) ?? 0)} MiB, ${JSON.stringify(answers)}\n`,
      );
    }
  } finally {
    await clients.close();
  }
  const goodput = (all: readonly Pressed[]): number => medianOf(all.map(({ perSecond }) => perSecond));
  const third = Math.floor(memory.length / 3);
  // The very first minute still warms up.
  const [first, last] = [medianOf(memory.slice(1, 1 + third)), medianOf(memory.slice(-third))];
  const answers = sumOf([...saturated, ...overloaded]);
  process.stderr.write(
    `  ${MINUTES} minutes: ratio ${(goodput(overloaded) / goodput(saturated)).toFixed(2)}, memory ${Math.round(first)} → ${Math.round(last)} MiB, ${JSON.stringify(answers)}\n`,
  );
  expect(Object.keys(answers).filter((kind) => !ALLOWED.has(kind))).toEqual([]);
  expect(goodput(overloaded) / goodput(saturated)).toBeGreaterThanOrEqual(GOODPUT_MIN);
  expect(last).toBeLessThan(GROWTH_MAX * first + SLACK_MIB);
  expect((await new Inspection(site, [{ tenant, agents }]).verify()).faults).toEqual([]);
  expect(site.app.isRunning).toBe(true);
});
