import { setTimeout as sleep } from 'node:timers/promises';
import { type AppTenant, execute, startApp, storeCredential, type TestApp, UPSTREAM_URL } from '../support/app.js';
import { entriesOf, verdictOn } from '../support/chain-check.js';
import { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(60_000);

const OFF_MS = 300_000;
const upstream = new ScriptedUpstream();
let app: TestApp;
let tenant: AppTenant;
/** Its clock is right, whatever the server's says. */
let agent: DpopAgent;
beforeAll(async () => {
  app = await startApp({ upstream: upstream.listener });
  tenant = await app.newTenant();
  const made = await app.newAgent(tenant, 'scribe');
  agent = new DpopAgent(app.at.tenant, made.id, made.apiKey);
  expect((await agent.token()).status).toBe(200);
  await storeCredential(tenant, 'key', 'sk-live-0123456789abcdef', { grantTo: [agent] });
});
afterEach(() => {
  app.clock.aheadMs = 0;
});
afterAll(() => app?.close());

test.each([
  ['ahead', OFF_MS],
  ['behind', -OFF_MS],
])('a server five minutes %s refuses proofs and says why, pulls brakes, and is itself again', async (_, offMs) => {
  expect((await execute(agent, 'key')).status).toBe(200);
  const [sent, before] = [upstream.received.length, (await entriesOf(app.open, tenant.id)).length];
  app.clock.aheadMs = offMs;
  const refused = await execute(agent, 'key');
  expect([refused.status, refused.body.code]).toEqual([401, 'invalid_dpop_proof']);
  expect(refused.body.detail).toMatch(/iat|clock|time/i);
  const token = await agent.tokenOnce();
  expect([token.status, token.body.error]).toEqual([400, 'invalid_dpop_proof']);
  expect(upstream.received).toHaveLength(sent);
  // Nobody's proof was spent, and nothing was written for it but the outcome of the call before.
  expect((await entriesOf(app.open, tenant.id)).length).toBeLessThanOrEqual(before + 1);
  const body = { scope: 'credential', credential_name: 'key', reason: 'the clock is wrong' };
  const brake = await tenant.admin<{ id: string }>('POST', '/v1/brakes', body);
  expect(brake.status).toBe(201);
  app.clock.aheadMs = 0;
  const braked = await execute(agent, 'key');
  expect([braked.status, braked.body.code]).toEqual([403, 'brake_active']);
  expect((await tenant.human('POST', `/v1/brakes/${brake.body.id}/clear`, { reason: 'right again' })).status).toBe(200);
  expect((await execute(agent, 'key')).status).toBe(200);
  expect(await verdictOn(app.open, tenant.id)).toMatchObject({ verdict: 'ok' });
});

test('P10: a clock that was six minutes ahead for a moment lets no spent proof be used again', async () => {
  const request = { method: 'GET', url: `${UPSTREAM_URL}/`, headers: { authorization: 'Bearer {{CREDENTIAL}}' } };
  const path = '/v1/credentials/key/execute';
  const hasty = await app.newAgent(tenant, 'hasty'); // its clock is the server's
  expect((await tenant.admin('PUT', `/v1/credentials/key/grants/${hasty.id}`)).status).toBe(200);
  await execute(agent, 'key'); // has the nonce of the moment
  const dpop = await agent.proof({ htm: 'POST', htu: app.at.tenant + path, accessToken: agent.accessToken ?? '' });
  const once = () => agent.callOnce('POST', path, { dpop }, { purpose: 'once', request });
  expect((await once()).status).toBe(200);
  app.clock.aheadMs = 6 * 60_000;
  expect((await execute(hasty, 'key')).status).toBe(200);
  app.clock.aheadMs = 0;
  const again = await once();
  expect([again.status, again.body.code]).toEqual([401, 'invalid_dpop_proof']);
});

test('P3, P14: a clock that jumps both ways under load spoils nothing', async () => {
  const count = upstream.received.length;
  let answered = 0;
  const stop = new AbortController();
  const seen = new Map<string, number>();
  const lanes = Array.from({ length: 16 }, async () => {
    while (!stop.signal.aborted) {
      const { status, body } = await execute(agent, 'key', { url: `${UPSTREAM_URL}/jump` });
      const kind = status === 200 ? '200' : `${status} ${String(body.code)}`;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      answered += 1;
    }
  });
  /** As long as the time given, and until what was asked under this clock was answered: on a slow machine that is longer. */
  const loadFor = async (ms: number): Promise<void> => {
    const enough = answered + 2 * lanes.length;
    await sleep(ms);
    await eventually(
      () => answered,
      (now) => now >= enough,
    );
  };
  for (let jump = 0; jump < 12; jump++) {
    app.clock.aheadMs = [OFF_MS, 0, -OFF_MS, 0][jump % 4] ?? 0;
    await loadFor(150);
  }
  app.clock.aheadMs = 0;
  await loadFor(300);
  stop.abort();
  await Promise.all(lanes);
  const known = /^(200|401 invalid_dpop_proof|401 use_dpop_nonce|503 over_capacity)$/;
  expect([...seen.keys()].filter((kind) => !known.test(kind))).toEqual([]);
  expect(seen.get('200')).toBeGreaterThan(0);
  expect(seen.get('401 invalid_dpop_proof')).toBeGreaterThan(0);
  const entries = await entriesOf(app.open, tenant.id);
  const intents = entries.filter(
    ({ entry }) => entry.outcome === 'intent' && entry.details.url === `${UPSTREAM_URL}/jump`,
  );
  expect(intents.length).toBeGreaterThanOrEqual(upstream.received.length - count);
  expect(upstream.received.length - count).toBeGreaterThanOrEqual(seen.get('200') ?? 0);
  expect(await verdictOn(app.open, tenant.id)).toMatchObject({ verdict: 'ok' });
  expect((await execute(agent, 'key')).status).toBe(200);
});
