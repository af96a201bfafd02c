import { setTimeout as sleep } from 'node:timers/promises';
import { PENDING_MS, PENDING_PER_AGENT_MAX, USE_WITHIN_MS } from '../../src/credentials/approvals/approval.js';
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
import { collectGarbage } from '../../packages/client/test/collect-garbage.js';
import { type Answer, DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { UPSTREAM_HOST } from '../support/hostile-upstream.js';
import { type Caller, callerOn, signedIn } from '../support/identity.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(60_000);

const SECRET = 'sk-live-0123456789abcdef';
const KEY = 'guarded';
const upstream = new ScriptedUpstream();
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
let approver: Caller;
let agents = 0;
beforeAll(async () => {
  app = await startApp({ upstream: upstream.listener });
  tenant = await app.newTenant();
  approver = callerOn(app.at.tenant, await signedIn(app, tenant.id, 'approver'));
  await storeCredential(tenant, KEY, SECRET, { more: { approval: 'each_use' } });
});
/** One of its own for each test: most of what is asked here is refused, and an agent that goes on like that is demoted. */
beforeEach(async () => {
  agent = await app.newAgent(tenant, `scribe-${(agents += 1)}`);
  expectStatus(await tenant.admin('PUT', `/v1/credentials/${KEY}/grants/${agent.id}`), 200);
});
afterEach(() => void (app.clock.aheadMs = 0));
afterAll(() => app?.close());

let made = 0;
/** A request like no other: what was asked for in one test is not what another one asks for. */
const pay = (amount = 1) => ({
  method: 'POST',
  url: `${UPSTREAM_URL}/pay/${(made += 1)}?key={{CREDENTIAL}}`,
  body: { amount, key: '{{CREDENTIAL}}' },
});
type Request = ReturnType<typeof pay>;
const send = (request: Request, more: Record<string, unknown> = {}, who = agent): Promise<Answer> =>
  execute(who, KEY, request, more);
const approvalOf = ({ body }: Answer): string => (body.approval as { id: string }).id;
const decide = (id: string, verb = 'approve') => approver('POST', `/v1/approvals/${id}/${verb}`);
const denial = (code: string) => ({ status: 403, body: { code } });
async function approved(request: Request): Promise<string> {
  const id = approvalOf(await send(request));
  expectStatus(await decide(id), 200);
  return id;
}
const uses = async (approval: string) =>
  (await entriesOf(app.open, tenant.id))
    .filter(({ entry }) => entry.action === 'credential.use' && entry.details['approval'] === approval)
    .map(({ entry }) => entry);

test('an agent asks, somebody else looks and approves, the use happens, once', async () => {
  const request = pay(10);
  const before = upstream.received.length;
  const asked = await send(request);
  const id = approvalOf(asked);
  expect(asked).toMatchObject({
    status: 202,
    body: { approval: { state: 'pending' }, audit: { seq: expect.any(Number) } },
  });
  expect(asked.headers.get('location')).toBe(`/v1/approvals/${id}`);
  expect(asked.headers.get('retry-after')).toBe('5');
  expect((await agent.call('GET', `/v1/approvals/${id}`)).body).toMatchObject({ id, state: 'pending' });

  const { body: shown } = await approver('GET', `/v1/approvals/${id}`);
  expect(shown).toMatchObject({
    kind: 'use',
    agent_name: 'scribe-1',
    credential_name: KEY,
    version: 1,
    purpose: 'test',
    request: {
      method: 'POST',
      url: `${request.url.split('?')[0]}?key=••••`,
      headers: [
        { name: 'authorization', value: 'Bearer ••••' },
        { name: 'content-type', value: 'application/json' },
      ],
      body: { text: '{"amount":10,"key":"••••"}', truncated: false },
    },
  });
  expect(upstream.received.length).toBe(before);

  expectStatus(await decide(id), 200);
  const used = await send(request, { approval_id: id });
  expect(used.status).toBe(200);
  expect(upstream.received.slice(before)).toMatchObject([{ method: 'POST', body: `{"amount":10,"key":"${SECRET}"}` }]);
  expect(await send(request, { approval_id: id })).toMatchObject(denial('approval_used'));
  expect(upstream.received.length).toBe(before + 1);

  const { seq } = used.body.audit as { seq: number };
  expect((await approver('GET', `/v1/approvals/${id}`)).body).toMatchObject({ state: 'used', used_seq: seq });
  expect((await uses(id)).map(({ outcome }) => outcome)).toEqual(['pending', 'intent', 'denied']);
  const mine = (await approver<{ data: { id: string }[] }>('GET', '/v1/approvals?state=used')).body.data;
  expect(mine.map((one) => one.id)).toContain(id);
});

test('what waits already waits once, whether its approval is named or not', async () => {
  const request = pay();
  const [first, second] = [await send(request), await send(request)];
  const id = approvalOf(first);
  expect(approvalOf(second)).toBe(id);
  expect(approvalOf(await send(request, { approval_id: id }))).toBe(id);
  const atOnce = pay();
  const ids = (await Promise.all([1, 2, 3, 4, 5].map(() => send(atOnce)))).map(approvalOf);
  expect(new Set(ids).size).toBe(1);
  expect(await uses(ids[0] ?? '')).toHaveLength(5);
});

test.each<[string, (request: Request) => Request]>([
  ['another body', (request) => ({ ...request, body: { ...request.body, amount: 2 } })],
  ['another query', (request) => ({ ...request, url: `${request.url}&more=1` })],
  ['another method', (request) => ({ ...request, method: 'PUT' })],
  ['a header more', (request) => ({ ...request, headers: { 'x-more': '{{CREDENTIAL}}' } })],
])('%s is not what was approved, and leaves the approval as it was', async (_, change) => {
  const request = pay();
  const id = await approved(request);
  expect(await send(change(request), { approval_id: id })).toMatchObject(denial('approval_mismatch'));
  expectStatus(await send(request, { approval_id: id }), 200);
});

test('refused is refused; another agent’s and nobody’s are not there', async () => {
  const request = pay();
  const id = approvalOf(await send(request));
  expectStatus(await decide(id, 'refuse'), 200);
  expect(await send(request, { approval_id: id })).toMatchObject(denial('approval_refused'));
  const other = await app.newAgent(tenant, 'other');
  expectStatus(await tenant.admin('PUT', `/v1/credentials/${KEY}/grants/${other.id}`), 200);
  const theirs = await approved(pay());
  for (const approval_id of [theirs, `apr_${'0'.repeat(32)}`, 'nonsense'])
    expect(await send(request, { approval_id }, other)).toMatchObject({ status: 404, body: { code: 'not_found' } });
});

test('time runs out: for the person, and then for the agent', async () => {
  const [slow, late] = [pay(), pay()];
  const waiting = approvalOf(await send(slow));
  const id = await approved(late);
  app.clock.aheadMs = USE_WITHIN_MS + 1_000;
  expect(await send(late, { approval_id: id })).toMatchObject(denial('approval_expired'));
  expect((await tenant.admin('GET', `/v1/approvals/${id}`)).body).toMatchObject({ state: 'expired' });
  app.clock.aheadMs = PENDING_MS + 1_000;
  const fresh = await signedAgain();
  expect(await send(slow, { approval_id: waiting }, fresh)).toMatchObject(denial('approval_expired'));
  expect((await tenant.admin('POST', `/v1/approvals/${waiting}/refuse`)).body).toMatchObject({ state: 'expired' });
  // Long gone from memory, and still known.
  expect(await send(late, { approval_id: id }, fresh)).toMatchObject(denial('approval_expired'));
});

/** The session is over by then. */
async function signedAgain(): Promise<DpopAgent> {
  const again = new DpopAgent(agent.base, agent.id, agent.apiKey, undefined, agent.nowMs);
  expectStatus(await again.token(), 200);
  return again;
}

describe('Prefer: wait', () => {
  const held = (request: Request, wait: number, who = agent): Promise<Answer> => {
    const asked = { headers: { authorization: 'Bearer {{CREDENTIAL}}' }, ...request };
    const body = { purpose: 'test', request: asked };
    return who.call('POST', `/v1/credentials/${KEY}/execute`, { prefer: `wait=${wait}` }, body);
  };
  /** The approval of a request that is being held. */
  const waitingFor = async ({ url }: Request): Promise<string> => {
    type List = { data: { id: string; url: string }[] };
    const found = await eventually(
      async () => (await approver<List>('GET', '/v1/approvals?state=pending')).body.data,
      (data) => data.some((one) => url.startsWith(`${one.url}?`)),
    );
    return found.find((one) => url.startsWith(`${one.url}?`))?.id ?? '';
  };

  test('holds the request until it is approved, and it goes on by itself with an intent of its own', async () => {
    const request = pay(7);
    const answer = held(request, 30);
    const id = await waitingFor(request);
    expectStatus(await decide(id), 200);
    const done = await answer;
    expect(done).toMatchObject({ status: 200 });
    expect(done.headers.get('preference-applied')).toBe('wait=30');
    const [pending, intent] = await uses(id);
    expect([pending?.outcome, intent?.outcome]).toEqual(['pending', 'intent']);
    expect(intent?.details).toMatchObject({ held_since: pending?.seq });
    expect(intent?.details).not.toHaveProperty('jti');
    expect(await send(request, { approval_id: id })).toMatchObject(denial('approval_used'));
  });

  test('answers that it waits when the time is over', async () => {
    const answer = held(pay(), 1);
    // What ends the wait must not be garbage.
    for (let looks = 0; looks < 3; looks += 1) await sleep(200).then(collectGarbage);
    const waited = await answer;
    expect(waited).toMatchObject({ status: 202, body: { approval: { state: 'pending' } } });
    expect(waited.headers.get('preference-applied')).toBe('wait=1');
  });

  test('is over at once when somebody refuses', async () => {
    const request = pay();
    const answer = held(request, 30);
    expectStatus(await decide(await waitingFor(request), 'refuse'), 200);
    expect(await answer).toMatchObject(denial('approval_refused'));
  });

  test('a brake that is pulled while it is held stops it, approved or not', async () => {
    const request = pay();
    const before = upstream.received.length;
    const answer = held(request, 30);
    const id = await waitingFor(request);
    const brake = await tenant.admin<{ id: string }>('POST', '/v1/brakes', { scope: 'tenant', reason: 'test' });
    expectStatus(await decide(id), 200);
    expect(await answer).toMatchObject(denial('brake_active'));
    expect(upstream.received.length).toBe(before);
    expectStatus(await tenant.human('POST', `/v1/brakes/${brake.body.id}/clear`, { reason: 'test' }), 200);
    // The brake did not spend it.
    expectStatus(await send(request, { approval_id: id }), 200);
  });
});

test('the streaming route asks the same, shows the same, and spends the same approval', async () => {
  const at = `/v1/credentials/${KEY}/proxy/https/${UPSTREAM_HOST}/streamed/${(made += 1)}`;
  const go = (more: Record<string, string>, body = '{"a":1}'): Promise<Answer> =>
    agent.call('POST', at, { 'chancery-forward-authorization': 'Bearer {{CREDENTIAL}}', ...more }, JSON.parse(body));
  const asked = await go({});
  expect(asked.status).toBe(202);
  const id = approvalOf(asked);
  expect(asked.headers.get('location')).toBe(`/v1/approvals/${id}`);
  const { body: shown } = await approver<{ request: { body: { text: string } } }>('GET', `/v1/approvals/${id}`);
  expect(shown.request.body.text).toBe('{"a":1}');
  expectStatus(await decide(id), 200);
  expect(await go({ 'chancery-approval-id': id }, '{"a":2}')).toMatchObject(denial('approval_mismatch'));
  expectStatus(await go({ 'chancery-approval-id': id }), 200);
  expect(await go({ 'chancery-approval-id': id })).toMatchObject(denial('approval_used'));
});

test('a streamed body that nobody can look at is refused, and not asked about', async () => {
  const htu = `${agent.base}/v1/credentials/${KEY}/proxy/https/${UPSTREAM_HOST}/streamed/${(made += 1)}`;
  const dpop = await agent.proof({ htm: 'POST', htu, accessToken: agent.accessToken ?? '' });
  const headers = {
    authorization: `DPoP ${agent.accessToken}`,
    dpop,
    'content-type': 'application/octet-stream',
    'chancery-forward-authorization': 'Bearer {{CREDENTIAL}}',
  };
  const answer = await fetch(htu, { method: 'POST', headers, body: Buffer.of(0, 1, 2) });
  expect([answer.status, answer.headers.get('chancery-error')]).toEqual([400, 'template_refused']);
});

test('a credential that goes in by itself is shown where it goes', async () => {
  const more = { approval: 'each_use', injection: { kind: 'scheme', scheme: 'Token' } };
  await storeCredential(tenant, 'injected', SECRET, { grantTo: [agent], more });
  const request = { method: 'GET', url: `${UPSTREAM_URL}/injected`, headers: { accept: '*/*' } };
  const id = approvalOf(await execute(agent, 'injected', request));
  const { body } = await approver<{ request: { headers: unknown[] } }>('GET', `/v1/approvals/${id}`);
  expect(body.request.headers).toEqual([
    { name: 'accept', value: '*/*' },
    { name: 'authorization', value: 'Token ••••' },
  ]);
  expectStatus(await decide(id), 200);
  expectStatus(await execute(agent, 'injected', request, { approval_id: id }), 200);
  expect(upstream.received.at(-1)?.headers.authorization).toBe(`Token ${SECRET}`);
});

test('an agent can have people look at so many requests at once, and no more', async () => {
  const flooder = await app.newAgent(tenant, 'flooder');
  expectStatus(await tenant.admin('PUT', `/v1/credentials/${KEY}/grants/${flooder.id}`), 200);
  const asked = await Promise.all(Array.from({ length: PENDING_PER_AGENT_MAX }, () => send(pay(), {}, flooder)));
  expect(asked.map(({ status }) => status)).toEqual(asked.map(() => 202));
  const more = await send(pay(), {}, flooder);
  expect(more).toMatchObject({ status: 429, body: { code: 'too_many_approvals', audit: { seq: expect.any(Number) } } });
  expect(more.headers.get('retry-after')).toBe('60');
});

test('a rotation makes what was approved before it useless', async () => {
  const request = pay();
  const id = await approved(request);
  expectStatus(await tenant.admin('POST', `/v1/credentials/${KEY}/rotate`, { value: `${SECRET}2` }), 200);
  expect(await send(request, { approval_id: id })).toMatchObject(denial('approval_mismatch'));
});

test('many at once with one approval: one is let through', async () => {
  const request = pay();
  const id = await approved(request);
  const answers = await Promise.all(Array.from({ length: 12 }, () => send(request, { approval_id: id })));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ body }) => body.code === 'approval_used')).toHaveLength(11);
});

test('sealed, the list goes on and shows no request; after a restart what was used stays used', async () => {
  const [request, waiting] = [pay(), pay()];
  const id = await approved(request);
  expectStatus(await send(request, { approval_id: id }), 200);
  const pending = approvalOf(await send(waiting));
  await app.restart();
  approver = callerOn(app.at.tenant, await signedIn(app, tenant.id, 'approver'));
  agent = new DpopAgent(app.at.tenant, agent.id, agent.apiKey, undefined, agent.nowMs);
  expectStatus(await agent.token(), 200);
  expectStatus(await approver('GET', '/v1/approvals?state=pending'), 200);
  expect((await approver('GET', `/v1/approvals/${pending}`)).body).toMatchObject({ code: 'vault_sealed' });
  expectStatus(await app.staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }), 200);
  expect((await approver<{ request: { method: string } }>('GET', `/v1/approvals/${pending}`)).body.request.method).toBe(
    'POST',
  );
  expect(await send(request, { approval_id: id })).toMatchObject(denial('approval_used'));
});
