import {
  type AppTenant,
  execute,
  expectStatus,
  MASTER_PASSWORD,
  startApp,
  storeCredential,
  type TestApp,
  UPSTREAM_URL,
} from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import { DpopAgent } from '../support/dpop-agent.js';
import { takingAway } from '../support/cutting-acts.js';
import { eventually } from '../support/eventually.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(60_000);

const SECRET = 'sk-live-0123456789abcdef';
/** Nothing but the act ends a call whose upstream hangs before its half minute is over. */
const CUT_AT_ALL_MS = 20_000;
const HANGS = { url: `${UPSTREAM_URL}/hang` };

const upstream = new ScriptedUpstream();
upstream.hangOn('/hang');
let app: TestApp;
let tenant: AppTenant;
let count = 0;
beforeAll(async () => {
  app = await startApp({ upstream: upstream.listener });
  tenant = await app.newTenant();
});
afterEach(() => upstream.letGo());
afterAll(() => app?.close());

interface Cast {
  readonly agent: DpopAgent;
  readonly session: string;
  readonly credential: string;
}

/** An agent and a credential of a test's own. */
async function cast(): Promise<Cast> {
  count += 1;
  const agent = await app.newAgent(tenant, `agent-${count}`, 'PARTNER');
  const credential = `key-${count}`;
  await storeCredential(tenant, credential, SECRET, { grantTo: [agent] });
  const { body } = await tenant.admin<{ data: { id: string }[] }>('GET', `/v1/agents/${agent.id}/sessions`);
  return { agent, credential, session: String(body.data[0]?.id) };
}

/** Starts a use that the upstream leaves hanging, and waits until it arrived there. */
async function hangingUse({ agent, credential }: Cast) {
  const before = upstream.hung;
  const answer = execute(agent, credential, HANGS);
  await eventually(
    () => upstream.hung,
    (hung) => hung === before + 1,
  );
  return answer;
}

async function outcomesOf({ agent }: Cast) {
  const found = (await entriesOf(app.open, tenant.id)).map(({ entry }) => entry);
  return found.filter(({ actor, action }) => actor === `agent:${agent.id}` && action === 'credential.use.outcome');
}

const reason = 'test';
type Act = (it: Cast) => Promise<{ status: number; body: unknown }>;
interface Cut {
  readonly act: string;
  readonly why: string;
  readonly cut: Act;
  readonly undo?: Act;
}
const brake = (body: Record<string, unknown>) => tenant.admin('POST', '/v1/brakes', { ...body, reason });
const CUTS: readonly Cut[] = [
  { act: 'a brake on the agent', why: 'brake', cut: ({ agent }) => brake({ scope: 'agent', agent_id: agent.id }) },
  {
    act: 'a brake on the credential',
    why: 'brake',
    cut: ({ credential }) => brake({ scope: 'credential', credential_name: credential }),
  },
  {
    act: 'a brake on the tenant',
    why: 'brake',
    cut: () => brake({ scope: 'tenant' }),
    undo: () => release(tenant.human, 'tenant'),
  },
  {
    act: 'the global brake',
    why: 'brake',
    cut: () => app.staff('POST', '/v1/brakes', { scope: 'global', reason }),
    undo: () => release(app.staff, 'global'),
  },
  {
    act: 'a seal',
    why: 'seal',
    cut: () => app.staff('POST', '/v1/vault/seal', { reason }),
    undo: () => app.staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }),
  },
  ...takingAway(() => tenant, reason),
];

async function release(human: AppTenant['human'], scope: string) {
  const { body } = await human<{ data: { id: string; scope: string }[] }>('GET', '/v1/brakes?active=true');
  const id = body.data.find((one) => one.scope === scope)?.id;
  return human('POST', `/v1/brakes/${id}/clear`, {
    reason,
    ...(scope === 'global' && { confirm: 'clear the global brake' }),
  });
}

test.each(CUTS)('P4: $act cuts a call in flight, and the chain says so', async ({ why, cut, undo }) => {
  const it = await cast();
  const answer = hangingUse(it);
  await eventually(
    () => upstream.hanging,
    (hanging) => hanging === 1,
  );
  const [givenUp, asked] = [upstream.givenUp, upstream.received.length];
  const startedAt = performance.now();
  const act = await cut(it);
  expect(act.status).toBeLessThan(300);
  const { status, body } = await answer;
  expect(performance.now() - startedAt).toBeLessThan(CUT_AT_ALL_MS);
  expect(body).toMatchObject({ code: 'call_cut', detail: expect.stringContaining(why) });
  expect(status).toBe(503);
  await eventually(
    () => upstream.givenUp,
    (now) => now === givenUp + 1,
  );
  const outcomes = await eventually(
    () => outcomesOf(it),
    (found) => found.length === 1,
  );
  expect(outcomes).toMatchObject([
    { outcome: 'cut', details: { intent: (body.audit as { seq: number }).seq, code: 'call_cut' } },
  ]);
  // What cut it also stops the next one.
  const next = await execute(it.agent, it.credential, HANGS);
  expect(next.status).toBeGreaterThanOrEqual(400);
  expect(upstream.received).toHaveLength(asked);
  if (undo !== undefined) expectStatus(await undo(it), 200);
});

const SPARING: readonly { readonly act: string; readonly spare: Act }[] = [
  {
    act: 'rotating the credential',
    spare: ({ credential }) => tenant.admin('POST', `/v1/credentials/${credential}/rotate`, { value: `${SECRET}-new` }),
  },
  { act: 'a brake on another agent', spare: async () => brake({ scope: 'agent', agent_id: (await cast()).agent.id }) },
  {
    act: 'the end of another session of the agent',
    spare: async ({ agent, session }) => {
      const { body } = await tenant.admin<{ data: { id: string }[] }>('GET', `/v1/agents/${agent.id}/sessions`);
      const other = body.data.find(({ id }) => id !== session)?.id;
      return tenant.admin('POST', `/v1/sessions/${other}/revoke`, { reason });
    },
  },
];

test.each(SPARING)('$act lets a call in flight finish', async ({ spare }) => {
  const it = await cast();
  const twin = new DpopAgent(it.agent.base, it.agent.id, it.agent.apiKey);
  expectStatus(await twin.token(), 200);
  const answer = hangingUse(it);
  await eventually(
    () => upstream.hanging,
    (hanging) => hanging === 1,
  );
  const act = await spare(it);
  expect(act.status).toBeLessThan(300);
  upstream.letGo();
  expect(await answer).toMatchObject({ status: 200, body: { status: 200, body: '{"late":true}' } });
  expect(
    await eventually(
      () => outcomesOf(it),
      (found) => found.length === 1,
    ),
  ).toMatchObject([{ outcome: 'success' }]);
});

test('ATTACKS 38: a client that goes away cuts the upstream, and leaves the outcome cut', async () => {
  const it = await cast();
  const path = `/v1/credentials/${it.credential}/execute`;
  const htu = it.agent.base + path;
  const dpop = await it.agent.proof({ htm: 'POST', htu, accessToken: String(it.agent.accessToken) });
  const headers = { authorization: `DPoP ${it.agent.accessToken}`, dpop, 'content-type': 'application/json' };
  const request = { method: 'GET', ...HANGS, headers: { authorization: 'Bearer {{CREDENTIAL}}' } };
  const client = new AbortController();
  const answer = fetch(htu, {
    method: 'POST',
    headers,
    body: JSON.stringify({ purpose: 'test', request }),
    signal: client.signal,
  });
  answer.catch(() => undefined);
  await eventually(
    () => upstream.hanging,
    (hanging) => hanging === 1,
  );
  const givenUp = upstream.givenUp;
  client.abort();
  await expect(answer).rejects.toThrow('aborted');
  await eventually(
    () => upstream.givenUp,
    (now) => now === givenUp + 1,
  );
  expect(
    await eventually(
      () => outcomesOf(it),
      (found) => found.length === 1,
    ),
  ).toMatchObject([{ outcome: 'cut' }]);
});
