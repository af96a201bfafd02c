import { ExpireApprovals } from '../../src/credentials/approvals/expire-approvals.js';
import { PENDING_MS, PENDING_PER_AGENT_MAX } from '../../src/credentials/approvals/approval.js';
import { Clock } from '../../src/platform/clock.js';
import { type AppTenant, expectStatus, startApp, storeCredential, type TestApp } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import { DpopAgent, type Answer } from '../support/dpop-agent.js';
import { type Caller, callerOn, signedIn } from '../support/identity.js';

jest.setTimeout(60_000);

interface Approval extends Record<string, unknown> {
  readonly id: string;
  readonly state: string;
}
type List = { readonly data: readonly Approval[] };

let app: TestApp;
let tenant: AppTenant;
let owner: Caller;
let approver: Caller;
beforeAll(async () => {
  app = await startApp();
  tenant = await app.newTenant();
  owner = tenant.human;
  approver = callerOn(app.at.tenant, await signedIn(app, tenant.id, 'approver'));
});
afterEach(() => {
  app.clock.aheadMs = 0;
  jest.spyOn(app.app.get(Clock, { strict: false }), 'now').mockImplementation(() => Date.now() + app.clock.aheadMs);
});
afterAll(() => app?.close());

const access = (agent: DpopAgent, credential: string, reason = 'for the report'): Promise<Answer> =>
  agent.call('POST', '/v1/access-requests', {}, { credential_name: credential, reason });
const entries = async (action: string): Promise<Record<string, unknown>[]> =>
  (await entriesOf(app.open, tenant.id))
    .filter(({ entry }) => entry.action === action)
    .map(({ entry }) => ({ actor: entry.actor, ...entry.details }));

describe('access', () => {
  test('an agent asks by name, a person says yes, and the credential is granted', async () => {
    const agent = await app.newAgent(tenant, 'asker');
    await storeCredential(tenant, 'wanted', 'sk-live-0123456789abcdef');
    const asked = await access(agent, 'wanted');
    expect(asked).toMatchObject({ status: 201, body: { kind: 'access', state: 'pending' } });
    const waiting = await owner<List>('GET', '/v1/approvals?state=pending&kind=access');
    expect(waiting.body.data).toMatchObject([
      {
        id: asked.body.id,
        agent_id: agent.id,
        agent_name: 'asker',
        credential_name: 'wanted',
        purpose: 'for the report',
      },
    ]);
    const yes = await approver<Approval>('POST', `/v1/approvals/${String(asked.body.id)}/approve`, { reason: 'fine' });
    expect(yes).toMatchObject({ status: 200, body: { state: 'approved', decision_reason: 'fine' } });
    const grants = await owner<List>('GET', '/v1/credentials/wanted/grants');
    expect(grants.body.data).toMatchObject([{ agent_id: agent.id, state: 'active' }]);
    expect(await entries('approval.approved')).toMatchObject([
      { approval: asked.body.id, kind: 'access', reason: 'fine' },
    ]);
    // Saying it twice changes nothing, and a no comes too late.
    expectStatus(await approver('POST', `/v1/approvals/${String(asked.body.id)}/approve`), 200);
    expect(await entries('approval.approved')).toHaveLength(1);
    const no = await owner('POST', `/v1/approvals/${String(asked.body.id)}/refuse`);
    expect(no).toMatchObject({ status: 409, body: { code: 'approval_not_pending', state: 'approved' } });
  });

  test('a name that is none is taken like one that is; only its approver learns it', async () => {
    const agent = await app.newAgent(tenant, 'guesser');
    const told = ({ status, headers, body }: Answer) => ({
      status,
      // A new nonce comes with the first answer of a new minute.
      headers: [...headers.keys()].filter((name) => name !== 'dpop-nonce'),
      body: { ...body, id: '', expires_at: '' },
    });
    const [none, one] = [await access(agent, 'no such thing'), await access(agent, 'wanted')];
    expect(told(none)).toEqual(told(one));
    const yes = await approver('POST', `/v1/approvals/${String(none.body.id)}/approve`);
    expect(yes).toMatchObject({ status: 404, body: { code: 'credential_not_found' } });
    const shown = await owner<Approval>('GET', `/v1/approvals/${String(none.body.id)}`);
    expect(shown.body).toMatchObject({ state: 'pending', credential_name: 'no such thing' });
  });

  test('what the tier does not allow is not granted, and goes on waiting', async () => {
    const agent = await app.newAgent(tenant, 'novice', 'NOVICE');
    await storeCredential(tenant, 'first', 'sk-live-0123456789abcdef', { grantTo: [agent] });
    const asked = await access(agent, 'wanted');
    const yes = await approver('POST', `/v1/approvals/${String(asked.body.id)}/approve`);
    expect(yes).toMatchObject({ status: 409, body: { code: 'grant_limit_reached' } });
    expect((await owner<Approval>('GET', `/v1/approvals/${String(asked.body.id)}`)).body.state).toBe('pending');
  });

  test('asking again is asking once; more than people can look at is refused', async () => {
    const agent = await app.newAgent(tenant, 'many');
    const ids = new Set<unknown>();
    for (let i = 0; i < PENDING_PER_AGENT_MAX; i += 1) ids.add((await access(agent, `n${i}`)).body.id);
    expect(ids.size).toBe(PENDING_PER_AGENT_MAX);
    expect(ids.has((await access(agent, 'n0')).body.id)).toBe(true);
    expect(await access(agent, 'one more')).toMatchObject({ status: 429, body: { code: 'too_many_approvals' } });
    expectStatus(await tenant.admin('POST', `/v1/approvals/${String([...ids][0])}/refuse`), 200);
    expectStatus(await access(agent, 'one more'), 201);
    // The rest lapse, and the sweep says so.
    app.clock.aheadMs = PENDING_MS + 1_000;
    const expired = await owner<List>('GET', '/v1/approvals?state=expired');
    expect(expired.body.data.length).toBeGreaterThanOrEqual(PENDING_PER_AGENT_MAX);
    const sweep = app.app.get(ExpireApprovals, { strict: false });
    expect(await sweep.execute(tenant.id)).toBeGreaterThanOrEqual(PENDING_PER_AGENT_MAX);
    expect(await sweep.execute(tenant.id)).toBe(0);
    expect(await entries('approval.expired')).toContainEqual(
      expect.objectContaining({ actor: 'system:sweep', kind: 'access', was: 'pending' }),
    );
    expect((await owner<List>('GET', '/v1/approvals?state=pending')).body.data).toEqual([]);
  });
});

describe('who may', () => {
  test('the agent that asked sees state and expiry, another agent nothing', async () => {
    const [agent, other] = [await app.newAgent(tenant, 'mine'), await app.newAgent(tenant, 'theirs')];
    const { id } = (await access(agent, 'wanted')).body;
    const own = await agent.call('GET', `/v1/approvals/${String(id)}`);
    expect(Object.keys(own.body).sort()).toEqual(['expires_at', 'id', 'kind', 'state']);
    expectStatus(await other.call('GET', `/v1/approvals/${String(id)}`), 404);
    expectStatus(await agent.call('GET', '/v1/approvals'), 403);
  });

  test('keys and agents approve nothing, auditors decide nothing, keys may refuse', async () => {
    const agent = await app.newAgent(tenant, 'asking');
    const id = String((await access(agent, 'wanted')).body.id);
    const at = (verb: string) => `/v1/approvals/${id}/${verb}`;
    const auditor = callerOn(app.at.tenant, await signedIn(app, tenant.id, 'auditor'));
    expect((await tenant.admin('POST', at('approve'))).body.code).toBe('human_required');
    expectStatus(await agent.call('POST', at('approve'), {}, {}), 403);
    expectStatus(await agent.call('POST', at('refuse'), {}, {}), 403);
    for (const verb of ['approve', 'refuse']) expectStatus(await auditor('POST', at(verb)), 403);
    const stale = callerOn(app.at.tenant, await signedIn(app, tenant.id, 'approver', 600_000));
    expect((await stale('POST', at('approve'))).body.code).toBe('factor_stale');
    expectStatus(await stale('POST', at('refuse'), { reason: 'no' }), 200);
    expect((await approver('POST', at('approve'))).body).toMatchObject({
      code: 'approval_not_pending',
      state: 'refused',
    });
  });

  test('nobody approves their own: who was shown a key of the agent, the first or a later one', async () => {
    const made = await owner<{ id: string; api_key: string }>('POST', '/v1/agents', { name: 'owned' });
    const agent = new DpopAgent(app.at.tenant, made.body.id, made.body.api_key);
    expectStatus(await agent.token(), 200);
    const id = String((await access(agent, 'wanted')).body.id);
    const refusal = { status: 403, body: { code: 'own_request' } };
    expect(await owner('POST', `/v1/approvals/${id}/approve`)).toMatchObject(refusal);
    // A new key does not make the old holder a stranger, and makes one more.
    const admin = callerOn(app.at.tenant, await signedIn(app, tenant.id, 'admin'));
    expectStatus(await admin('POST', `/v1/agents/${agent.id}/api-key`, {}), 201);
    for (const holder of [owner, admin])
      expect(await holder('POST', `/v1/approvals/${id}/approve`)).toMatchObject(refusal);
    expectStatus(await approver('POST', `/v1/approvals/${id}/approve`), 200);
  });
});

describe('sessions of SACRED agents', () => {
  async function sacred(name: string): Promise<{ agent: DpopAgent; approval: string }> {
    const made = await tenant.admin<{ id: string; api_key: string }>('POST', '/v1/agents', { name });
    expectStatus(await owner('POST', `/v1/agents/${made.body.id}/promote`, { tier: 'SACRED', reason: 'test' }), 200);
    const agent = new DpopAgent(app.at.tenant, made.body.id, made.body.api_key);
    expect((await agent.token()).body).toMatchObject({ error: 'authorization_pending', interval: 5 });
    const list = await owner<List>('GET', '/v1/approvals?state=pending&kind=session');
    return { agent, approval: String(list.body.data.find((one) => one['agent_id'] === agent.id)?.id) };
  }

  test('wait in the same list; asked about too often they say so; approved there they open', async () => {
    // How long it is between two looks is said here, not by how fast the machine is.
    const at = Date.now();
    jest.spyOn(app.app.get(Clock, { strict: false }), 'now').mockImplementation(() => at + app.clock.aheadMs);
    const { agent, approval } = await sacred('sacred-1');
    expect((await agent.token()).body).toMatchObject({ error: 'slow_down', interval: 5 });
    app.clock.aheadMs = 5_000;
    expect((await agent.token()).body).toMatchObject({ error: 'authorization_pending' });
    expectStatus(await approver('POST', `/v1/approvals/${approval}/approve`), 200);
    expectStatus(await agent.token(), 200);
    const shown = await owner<Approval>('GET', `/v1/approvals/${approval}`);
    expect(shown.body).toMatchObject({ kind: 'session', state: 'approved', request: null });
    expect(await entries('session.approve')).toHaveLength(1);
    expect(await entries('approval.approved')).toContainEqual(expect.objectContaining({ approval, kind: 'session' }));
  });

  test('approved by the old door they leave the list as well', async () => {
    const { agent, approval } = await sacred('sacred-2');
    const { body } = await owner<List>('GET', `/v1/agents/${agent.id}/sessions`);
    expectStatus(await owner('POST', `/v1/sessions/${String(body.data[0]?.id)}/approve`, {}), 200);
    expect((await owner<Approval>('GET', `/v1/approvals/${approval}`)).body.state).toBe('approved');
  });

  test('refused they end, and the agent is told', async () => {
    const { agent, approval } = await sacred('sacred-3');
    expectStatus(await tenant.admin('POST', `/v1/approvals/${approval}/refuse`, { reason: 'not now' }), 200);
    expect((await agent.token()).body).toMatchObject({ error: 'access_denied' });
    expect((await owner<Approval>('GET', `/v1/approvals/${approval}`)).body).toMatchObject({ state: 'refused' });
  });

  test('their agent’s people do not approve them, by either door', async () => {
    const made = await owner<{ id: string; api_key: string }>('POST', '/v1/agents', { name: 'sacred-4' });
    expectStatus(await owner('POST', `/v1/agents/${made.body.id}/promote`, { tier: 'SACRED', reason: 'test' }), 200);
    await new DpopAgent(app.at.tenant, made.body.id, made.body.api_key).token();
    const session = (await owner<List>('GET', `/v1/agents/${made.body.id}/sessions`)).body.data[0]?.id;
    const list = await owner<List>('GET', '/v1/approvals?state=pending&kind=session');
    const approval = list.body.data.find((one) => one['agent_id'] === made.body.id)?.id;
    for (const path of [`sessions/${String(session)}`, `approvals/${String(approval)}`])
      expect((await owner('POST', `/v1/${path}/approve`, {})).body.code).toBe('own_request');
  });
});
