import { Committers } from '../../src/audit/committers.js';
import { type AppTenant, execute, expectStatus, startApp, storeCredential, type TestApp } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import type { DpopAgent } from '../support/dpop-agent.js';

jest.setTimeout(300_000);

const SECRET = 'sk-live-0123456789abcdef';
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
beforeAll(async () => {
  app = await startApp({ env: { OUTCOME_WAIT_MS: '1000' } });
});
beforeEach(async () => {
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'scribe');
  await storeCredential(tenant, 'key', SECRET, { grantTo: [agent] });
  waitForCompany(tenant.id);
  expectStatus(await execute(agent, 'key'), 200);
  // Nothing was written of it yet, or these tests would pass without what they are about.
  expect((await entriesOf(app.open, tenant.id)).at(-1)?.entry.outcome).toBe('intent');
});
afterAll(() => app?.close());

/** What waits at all waits until somebody comes: a busy machine may need the second, which is the most, for itself. */
function waitForCompany(tenantId: string): void {
  const committer = app.app.get(Committers).of(tenantId);
  const submit = committer.submit.bind(committer);
  jest
    .spyOn(committer, 'submit')
    .mockImplementation((decide, { patienceMs = 0 } = {}) =>
      submit(decide, { patienceMs: patienceMs > 0 ? 600_000 : 0 }),
    );
}

test('an outcome that waits stands in the log for whoever lists it', async () => {
  const { body } = await tenant.admin('GET', '/v1/audit/entries?limit=1&order=desc');
  expect(body).toMatchObject({ data: [{ action: 'credential.use.outcome', outcome: 'success' }] });
});

test('and for whoever exports or verifies it', async () => {
  const exported = await fetch(`${app.at.tenant}/v1/audit/export`, {
    headers: { authorization: `Bearer ${tenant.key}` },
  });
  expect(await exported.text()).toContain('"credential.use.outcome"');
  expectStatus(await execute(agent, 'key'), 200);
  const { body } = await tenant.admin('GET', '/v1/audit/verification');
  const entries = await entriesOf(app.open, tenant.id);
  expect(entries.at(-1)?.entry.outcome).toBe('success');
  expect(body).toMatchObject({ verdict: 'ok', entries: entries.length });
});

test('the next use takes it along: one statement for both', async () => {
  expectStatus(await execute(agent, 'key'), 200);
  const uses = (await entriesOf(app.open, tenant.id)).map(({ entry }) => entry).slice(-3);
  expect(uses.map(({ outcome }) => outcome)).toEqual(['intent', 'success', 'intent']);
  expect(uses[1]?.at).toBe(uses[2]?.at);
});
