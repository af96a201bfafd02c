import { type AppTenant, execute, expectStatus, startApp, storeCredential, type TestApp } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';

jest.setTimeout(60_000);

const ELSEWHERE = { url: 'https://elsewhere.example/' };

let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
beforeAll(async () => {
  app = await startApp({ upstream: (_, response) => void response.writeHead(404).end('{}') });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'wayward', 'COMPANION');
  for (const name of ['first', 'second']) {
    const more = { minimum_tier: 'NOVICE' };
    await storeCredential(tenant, name, 'sk-live-0123456789abcdef', { grantTo: [agent], more });
  }
});
afterAll(() => app?.close());

const entries = async (action: string) =>
  (await entriesOf(app.open, tenant.id)).map(({ entry }) => entry).filter((entry) => entry.action === action);
const grantsOf = async (name: string) =>
  (await tenant.admin<{ data: { state: string }[] }>('GET', `/v1/credentials/${name}/grants`)).body.data;

test('an agent that misbehaves is noticed, goes down a tier, loses its newest grants, and is not renewed', async () => {
  expectStatus(await agent.token(), 200);
  for (let i = 0; i < 9; i += 1) expectStatus(await execute(agent, 'first', ELSEWHERE), 403);
  for (let i = 0; i < 3; i += 1) expect((await execute(agent, 'second')).body.status).toBe(404);

  // The outcome of a use follows its answer.
  await eventually(
    () => entries('credential.use.outcome'),
    (found) => found.length === 3,
  );

  // Nobody asks for it: the node looks behind its own uses.
  const noticed = await eventually(
    () => entries('agent.anomaly'),
    (found) => found.length > 0,
  );
  expect(noticed[0]).toMatchObject({
    actor: 'system:behaviour',
    details: { agent: agent.id, kind: 'denial_rate', observed: expect.stringMatching(/ %$/), bound: '50.0 %' },
  });
  const own = await agent.call('GET', `/v1/agents/${agent.id}/behaviour`);
  expect(own.body).toMatchObject({
    verdict: 'too_low',
    window: { calls: 12, denials: 9, errors: 3 },
    renewals: { used: 1 },
    recommendation: { action: 'demote', tier: 'NOVICE' },
  });

  // A minute later it does it once more.
  app.clock.aheadMs += 61_000;
  expectStatus(await execute(agent, 'first', ELSEWHERE), 403);
  const [demotion] = await eventually(
    () => entries('agent.demoted'),
    (found) => found.length > 0,
  );
  expect(demotion?.details).toMatchObject({ agent: agent.id, from: 'COMPANION', to: 'NOVICE', automatic: true });
  expect([await grantsOf('first'), await grantsOf('second')]).toMatchObject([
    [{ state: 'active' }],
    [{ state: 'suspended' }],
  ]);
  expect((await execute(agent, 'second')).body.code).toBe('tier_too_low');

  const refused = await agent.token();
  expect([refused.status, refused.body.error]).toEqual([400, 'invalid_grant']);
  expect(refused.body.error_description).toMatch(
    /^The behaviour score of this agent is 0\.\d+, and NOVICE renews from 0\.9 on\./,
  );
  expect((await entries('session.renew')).map(({ outcome }) => outcome)).toEqual(['success', 'denied']);
});
