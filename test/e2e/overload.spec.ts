import { setTimeout as sleep } from 'node:timers/promises';
import { type AppTenant, execute, newAgent, storeCredential, UPSTREAM_URL } from '../support/app.js';
import { CrashSite } from '../support/crash/crash-site.js';
import type { DpopAgent } from '../support/dpop-agent.js';

const SATURATING_LANES = 200;
const OVERLOAD_FACTOR = 4;
const OVERLOAD_MS = 10_000;

let site: CrashSite;
let tenant: AppTenant;
let agent: DpopAgent;

beforeAll(async () => {
  site = await CrashSite.create();
  tenant = await site.newTenant();
  agent = await newAgent(site, tenant, 'busy');
  await storeCredential(tenant, 'key', 'sk-live-0123456789abcdef0123456789abcdef', { grantTo: [agent] });
}, 120_000);

afterAll(() => site?.close());

/** Nobody waits between two tries, as the worst of clients. */
async function press(lanes: number, during: () => Promise<void>): Promise<Map<string, number>> {
  const answers = new Map<string, number>();
  const end = AbortSignal.timeout(OVERLOAD_MS);
  const lane = async (): Promise<void> => {
    while (!end.aborted) {
      const answer = await execute(agent, 'key', { url: `${UPSTREAM_URL}/load` }).catch(() => null);
      const code = (answer?.body as { code?: string } | undefined)?.code ?? '';
      const retry = answer?.headers.has('retry-after') === true ? 'with Retry-After' : code;
      const kind = answer === null ? 'connection lost' : `${answer.status} ${retry}`.trim();
      answers.set(kind, (answers.get(kind) ?? 0) + 1);
    }
  };
  await Promise.all([during(), ...Array.from({ length: lanes }, lane)]);
  return answers;
}

test('P20: past saturation calls are answered 200, 429 or 503 with Retry-After, and a brake gets through', async () => {
  const waits: number[] = [];
  const answers = await press(SATURATING_LANES * OVERLOAD_FACTOR, async () => {
    await sleep(2_000);
    const from = performance.now();
    const braked = await tenant.admin<{ id: string }>('POST', '/v1/brakes', {
      scope: 'credential',
      credential_name: 'key',
      reason: 'in the middle of it',
    });
    waits.push(performance.now() - from);
    expect(braked.status).toBe(201);
    expect((await tenant.human('POST', `/v1/brakes/${braked.body.id}/clear`, { reason: 'over' })).status).toBe(200);
    for (const surface of ['tenant', 'ops', 'public'] as const) {
      const askedAt = performance.now();
      expect((await fetch(`${site.at[surface]}/health/live`)).status).toBe(200);
      waits.push(performance.now() - askedAt);
    }
  });
  // While the brake was on: its own answer, and that of the calls it cut.
  const braked = ['403 brake_active', '503 call_cut'];
  const allowed = new Set(['200', '429 with Retry-After', '503 with Retry-After', ...braked]);
  expect([...answers.keys()].filter((kind) => !allowed.has(kind))).toEqual([]);
  expect(answers.get('200')).toBeGreaterThan(0);
  expect(Math.max(...waits)).toBeLessThan(5_000);
  expect((await execute(agent, 'key', { url: `${UPSTREAM_URL}/after` })).status).toBe(200);
}, 90_000);
