import { setTimeout as sleep } from 'node:timers/promises';
import { newAgent, storeCredential } from '../support/app.js';
import { CrashSite } from '../support/crash/crash-site.js';
import { Inspection } from '../support/crash/inspection.js';
import { type Crew, Traffic } from '../support/crash/traffic.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';

/** Half a minute in `npm run test:long`. */
const GONE_MS = process.env.CHANCERY_TEST_LONG === '1' ? 30_000 : 4_000;
/** P20: nobody waits longer for an answer, whatever the database does. */
const ANSWER_MS_MAX = 20_000;
const RECOVERS_WITHIN_MS = 60_000;

jest.setTimeout(240_000);

let site: CrashSite;
let crew: Crew;
/** Not one of those that work. */
let idle: DpopAgent;
let traffic: Traffic | undefined;
beforeAll(async () => {
  site = await CrashSite.create({ CHANCERY_JOBS: 'inline' });
  const tenant = await site.newTenant();
  const agents = [await newAgent(site, tenant, 'a'), await newAgent(site, tenant, 'b')];
  await storeCredential(tenant, 'key', 'sk-live-0123456789abcdef', { grantTo: agents });
  idle = await newAgent(site, tenant, 'idle');
  crew = { tenant, agents };
});
afterEach(() => traffic?.stop());
afterAll(() => site?.close());

const ready = async () => {
  const answer = await fetch(`${site.at.tenant}/health/ready`);
  return { status: answer.status, body: await answer.json() };
};

test.each([
  ['is shut down', () => site.cluster.stop(), () => site.cluster.startAgain()],
  ['stands still', () => site.cluster.pause(), () => site.cluster.resume()],
] as const)(
  'P14, P20: a database that %s is answered 503 with Retry-After, and needs no restart when it is back',
  async (_, goAway, comeBack) => {
    const inspection = new Inspection(site, [crew]);
    const fire = (traffic = new Traffic([crew]));
    await eventually(
      () => fire.acknowledged.length,
      (warm) => warm >= 8,
      RECOVERS_WITHIN_MS,
    );
    await goAway();
    const gone = sleep(GONE_MS);
    const brake = { scope: 'agent', agent_id: idle.id, reason: 'pulled while the database was gone' };
    const pulled = crew.tenant.admin('POST', '/v1/brakes', brake);
    expect(await ready()).toMatchObject({ status: 503, body: { status: 'unavailable' } });
    await gone;
    await comeBack();
    const answer = await pulled;
    const [before, backAt] = [fire.acknowledged.length, Date.now()];
    await eventually(
      () => fire.acknowledged.length,
      (now) => now > before + 8,
      RECOVERS_WITHIN_MS,
    );
    const recoveredInMs = Date.now() - backAt;
    await eventually(
      () => crew.tenant.admin('POST', '/v1/brakes', brake),
      ({ status }) => status < 300,
      RECOVERS_WITHIN_MS,
    );
    await eventually(ready, ({ status }) => status === 200, RECOVERS_WITHIN_MS);
    await fire.stop();
    const answers = [...fire.answers].map(([kind, count]) => `${count} × ${kind}`).join(', ');
    process.stderr.write(
      `  database gone ${GONE_MS} ms: ${answers}; slowest answer ${Math.round(fire.slowestMs)} ms, uses again after ${recoveredInMs} ms\n`,
    );
    expect([201, 503]).toContain(answer.status);
    expect(answer.status === 503).toBe(answer.headers.has('retry-after'));
    expect(fire.answers.get('503 database_unavailable') ?? fire.answers.get('503 over_capacity')).toBeGreaterThan(0);
    expect(fire.answers.has('connection lost')).toBe(false);
    expect(fire.slowestMs).toBeLessThan(ANSWER_MS_MAX);
    expect((await inspection.compare(fire, false)).faults).toEqual([]);
    expect((await inspection.verify()).faults).toEqual([]);
    expect(site.app.isRunning).toBe(true);
    const { body } = await crew.tenant.admin<{ data: { id: string }[] }>('GET', '/v1/brakes?active=true&limit=200');
    for (const { id } of body.data) await crew.tenant.human('POST', `/v1/brakes/${id}/clear`, { reason: 'over' });
  },
);
