import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { TenantPools } from '../../src/platform/database/tenant-pools.js';
import { asSuperuser } from '../support/database.js';
import { type AppTenant, execute, startApp, storeCredential, type TestApp } from '../support/app.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { callerOn, signedIn } from '../support/identity.js';

jest.setTimeout(180_000);

const LOOPS = 48;
/** `npm run test:long` looks longer. */
const ROUNDS = process.env.CHANCERY_TEST_LONG === '1' ? 8 : 2;
const USES_A_ROUND = 15;
const ENTRIES = 20_000;
/** One process, two cores, and the noise on them too: what is forbidden is standing in a queue behind the neighbour. */
const RATIO_MAX = 12;
const SLACK_MS = 150;
const WORST_MS = 4_000;
/** What waits in a queue of the pool waits so long, and is then refused. */
const POOL_WAIT_MS = 10_000;
/** Who has answered so often makes noise. */
const NOISE = 20;

let app: TestApp;
let quiet: AppTenant;
let noisy: AppTenant;
let agent: DpopAgent;
let braked: DpopAgent;
let noise: ChildProcess | null = null;
let said = '{}';
beforeAll(async () => {
  // Few connections, so that they are what the tenants contend for.
  app = await startApp({
    env: { POOL_TOTAL_MAX: '10', POOL_TENANT_MAX: '4', POOL_CONTROL_RESERVE: '2', POOL_WAIT_MS: String(POOL_WAIT_MS) },
  });
  [quiet, noisy] = [await app.newTenant(), await app.newTenant()];
  agent = await app.newAgent(quiet, 'quiet');
  braked = await app.newAgent(noisy, 'braked');
  await storeCredential(quiet, 'used', 'sk-live-0123456789abcdef', { grantTo: [agent] });
  // A long chain to export: what it says does not matter here.
  await asSuperuser(app.database.adminUrl, async (admin) => {
    await admin.query(
      `insert into chancery.audit_entries
       select e.tenant_id, e.seq + i, e.at, e.actor, e.action, e.outcome, e.details, e.salt, e.prev, e.hash
       from (select * from chancery.audit_entries where tenant_id = $1 order by seq desc limit 1) e, generate_series(1, $2::int) i`,
      [noisy.id, ENTRIES],
    );
    await admin.query('update chancery.chain_head set seq = seq + $2 where tenant_id = $1', [noisy.id, ENTRIES]);
  });
});
afterAll(async () => {
  await hush();
  await app?.close();
});

async function makeNoise(): Promise<void> {
  const script = path.resolve(__dirname, '../support/noise.mjs');
  noise = spawn(process.execPath, [script, app.at.tenant, noisy.key, String(LOOPS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  said = '{}';
  createInterface({ input: noise.stdout as NodeJS.ReadableStream }).on('line', (line) => (said = line));
  await eventually(answered, (count) => count > NOISE);
}

const answered = (): number =>
  Object.values(JSON.parse(said) as Record<string, number>).reduce((sum, count) => sum + count, 0);

async function hush(): Promise<void> {
  if (noise === null) return;
  const gone = once(noise, 'exit');
  noise.kill('SIGKILL');
  await gone;
  noise = null;
  await sleep(300);
}

interface Took {
  readonly status: number;
  readonly ms: number;
}

async function timed(ask: () => Promise<{ status: number }>): Promise<Took> {
  const started = performance.now();
  const { status } = await ask();
  return { status, ms: performance.now() - started };
}

const at = (values: readonly Took[], share: number): number => {
  const sorted = values.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
};

/** The neighbour pulls its own brake and lets go of it. */
async function pullAndClear(human: ReturnType<typeof callerOn>): Promise<Took> {
  const body = { scope: 'agent', agent_id: braked.id, reason: 'test' };
  let id = '';
  const took = await timed(async () => {
    const answer = await human<{ id: string }>('POST', '/v1/brakes', body);
    id = answer.body.id;
    return answer;
  });
  await human('POST', `/v1/brakes/${id}/clear`, { reason: 'test' });
  return took;
}

test('P4: with every other connection of a tenant taken, what stops something still gets through', async () => {
  const tenant = await app.newTenant();
  const stopped = await app.newAgent(tenant, 'stopped');
  const { id } = stopped;
  await storeCredential(tenant, 'taken', 'sk-live-0123456789abcdef', { grantTo: [stopped] });
  const idAt = async (route: string): Promise<string> =>
    (await tenant.admin<{ data: { id: string }[] }>('GET', route)).body.data.at(-1)?.id ?? '';
  const session = await idAt(`/v1/agents/${id}/sessions`);
  expect((await tenant.admin('POST', '/v1/service-keys', { name: 'spare', role: 'auditor' })).status).toBe(201);
  const spare = await idAt('/v1/service-keys');

  const reason = 'test';
  const key = { 'idempotency-key': 'while-everything-waits' };
  const acts = [
    ['POST', '/v1/brakes', { scope: 'tenant', reason }, key],
    ['POST', '/v1/brakes', { scope: 'tenant', reason }, key],
    ['DELETE', `/v1/credentials/taken/grants/${id}`],
    ['DELETE', '/v1/credentials/taken'],
    ['POST', `/v1/agents/${id}/demote`, { tier: 'NOVICE', reason }],
    ['POST', `/v1/sessions/${session}/revoke`, { reason }],
    ['POST', `/v1/agents/${id}/suspend`, { reason }],
    ['POST', `/v1/agents/${id}/api-key`, {}],
    ['POST', `/v1/agents/${id}/revoke`, { reason }],
    ['DELETE', `/v1/service-keys/${spare}`],
  ] as const;
  const pools = app.app.get(TenantPools, { strict: false });
  const lanes = ['general', 'general', 'commit'] as const;
  const held = await Promise.all(lanes.map((lane) => pools.acquire(tenant.id, lane)));
  const waiting = tenant.admin('GET', '/v1/agents');
  try {
    await eventually(
      () => pools.waiting,
      (count) => count > 0,
    );
    for (const [method, route, body, headers] of acts) {
      const { status, ms } = await timed(() => tenant.admin(method, route, body, headers));
      expect([method, route, Math.floor(status / 100), ms < POOL_WAIT_MS]).toEqual([method, route, 2, true]);
    }
  } finally {
    for (const connection of held) connection.release();
  }
  expect([200, 503]).toContain((await waiting).status);
});

test('P20: a tenant that exports its chain and hammers delays neither another’s use nor its own brake', async () => {
  const human = callerOn(app.at.tenant, await signedIn(app, noisy.id, 'owner'));
  const uses = { calm: [] as Took[], noise: [] as Took[] };
  const brakes = { calm: [] as Took[], noise: [] as Took[] };
  await execute(agent, 'used');
  await pullAndClear(human);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const weather of ['calm', 'noise'] as const) {
      if (weather === 'noise') await makeNoise();
      for (let i = 0; i < USES_A_ROUND; i += 1) {
        uses[weather].push(await timed(() => execute(agent, 'used')));
        if (i % 5 === 0) brakes[weather].push(await pullAndClear(human));
      }
      await hush();
    }
  }
  const line = (what: string, { calm, noise: loud }: typeof uses): string =>
    `${what}: median ${at(calm, 0.5).toFixed(1)} → ${at(loud, 0.5).toFixed(1)} ms, p99 ${at(calm, 0.99).toFixed(1)} → ${at(loud, 0.99).toFixed(1)} ms`;
  process.stderr.write(
    `${LOOPS} loops of a neighbour, last round answered ${said}\n${line('use', uses)}\n${line('brake of the noisy one', brakes)}\n`,
  );
  expect(answered()).toBeGreaterThan(NOISE);
  for (const [what, { calm, noise: loud }] of Object.entries({ uses, brakes })) {
    const failed = [...calm, ...loud].filter(({ status }) => status >= 300);
    expect([what, failed]).toEqual([what, []]);
    expect(at(loud, 0.5)).toBeLessThan(RATIO_MAX * at(calm, 0.5) + SLACK_MS);
    expect(at(loud, 1)).toBeLessThan(WORST_MS + 2 * at(calm, 1));
  }
});
