import { type IdentityPolicy, loadIdentityPolicy } from '../../src/identity/identity-policy.js';
import { newUuid, publicId, storedId } from '../../src/platform/ids.js';
import { type CallLabels, InFlightCalls } from '../../src/platform/outbound/in-flight.js';
import { DpopAgent } from '../support/dpop-agent.js';
import {
  entriesAbout,
  furnishedTenant,
  type IdentityApp,
  startIdentity,
  type TestTenant,
} from '../support/identity.js';

jest.setTimeout(60_000);

let identity: IdentityApp;
let ours: TestTenant;
beforeAll(async () => {
  identity = await startIdentity();
  ours = await furnishedTenant(identity);
});
afterAll(() => identity?.close());

let count = 0;
async function newAgent(tier?: string): Promise<DpopAgent> {
  const { body } = await ours.admin<{ id: string; api_key: string }>('POST', '/v1/agents', { name: `e${++count}` });
  if (tier !== undefined) await promote(body.id, tier);
  return new DpopAgent(identity.at.tenant, body.id, body.api_key);
}
const promote = (id: string, tier: string) => ours.human('POST', `/v1/agents/${id}/promote`, { tier, reason: 'test' });
const stored = (id: string, prefix: 'agt' | 'ses' = 'agt') => storedId(prefix, id) as string;
const sessionOf = async ({ id }: DpopAgent) =>
  (await ours.admin<{ data: { id: string }[] }>('GET', `/v1/agents/${id}/sessions`)).body.data[0]?.id as string;
const policy = (): Promise<IdentityPolicy> => identity.open.tenants.inTenant(ours.id, (tx) => loadIdentityPolicy(tx));
const epoch = (): Promise<number> =>
  identity.open.tenants.inTenant(ours.id, async ({ client }) => {
    const { rows } = await client.query<{ epoch: string }>('select epoch from chain_head');
    return Number(rows[0]?.epoch);
  });

describe('calls in flight', () => {
  const open = (labels: Partial<CallLabels>) =>
    identity.app
      .get(InFlightCalls, { strict: false })
      .open({ tenantId: ours.id, agentId: newUuid(), sessionId: newUuid(), credentialId: newUuid(), ...labels });

  test.each<[string, (agent: DpopAgent) => Promise<unknown>, string]>([
    ['suspended', ({ id }) => ours.admin('POST', `/v1/agents/${id}/suspend`, { reason: 'r' }), 'suspended'],
    ['revoked', ({ id }) => ours.admin('POST', `/v1/agents/${id}/revoke`, { reason: 'r' }), 'session_ended'],
    ['given another API key', ({ id }) => ours.admin('POST', `/v1/agents/${id}/api-key`), 'session_ended'],
    ['made SACRED', ({ id }) => promote(id, 'SACRED'), 'session_ended'],
  ])('are cut when their agent is %s, and no other’s', async (_how, act, reason) => {
    const agent = await newAgent();
    const [its, others] = [open({ agentId: stored(agent.id) }), open({})];
    await act(agent);
    expect(its.signal.reason).toMatchObject({ name: 'CallCut', reason });
    expect(others.signal.aborted).toBe(false);
    others.close();
  });

  test('are cut when their session ends, and no other session’s', async () => {
    const agent = await newAgent();
    await agent.token();
    const session = await sessionOf(agent);
    const its = open({ agentId: stored(agent.id), sessionId: stored(session, 'ses') });
    const others = open({ agentId: stored(agent.id) });
    await ours.admin('POST', `/v1/sessions/${session}/revoke`);
    expect(its.signal.reason).toMatchObject({ name: 'CallCut', reason: 'session_ended' });
    expect(others.signal.aborted).toBe(false);
    others.close();
  });
});

describe('the policy decisions read', () => {
  test('knows agents, and sessions until they expire', async () => {
    const agent = await newAgent('PARTNER');
    await agent.token();
    const session = stored(await sessionOf(agent), 'ses');
    const { agents, sessions } = await policy();
    expect(agents.get(stored(agent.id))).toEqual({ tier: 'PARTNER', state: 'active' });
    const expiresAtMs = expect.any(Number);
    expect(sessions.get(session)).toEqual({ agentId: stored(agent.id), state: 'active', expiresAtMs, revoked: false });
    await ours.admin('POST', `/v1/agents/${agent.id}/suspend`, { reason: 'r' });
    const after = await policy();
    expect(after.agents.get(stored(agent.id))).toEqual({ tier: 'PARTNER', state: 'suspended' });
    expect(after.sessions.get(session)).toMatchObject({ revoked: true });
    const late = new Date(Date.now() + 9 * 3_600_000);
    expect((await identity.open.tenants.inTenant(ours.id, (tx) => loadIdentityPolicy(tx, late))).sessions.size).toBe(0);
  });

  test('a session that nobody approved yet is pending; one whose renewal waits is active', async () => {
    const agent = await newAgent('SACRED');
    await agent.token();
    const id = await sessionOf(agent);
    const state = async () => (await policy()).sessions.get(stored(id, 'ses'))?.state;
    expect(await state()).toBe('pending');
    await ours.human('POST', `/v1/sessions/${id}/approve`);
    expect(await state()).toBe('pending');
    await agent.token();
    expect(await state()).toBe('active');
    await agent.token();
    expect(await state()).toBe('active');
  });

  test('every change of it raises the epoch; a first token does not', async () => {
    const agent = await newAgent();
    const raised = async (act: () => Promise<unknown>) => {
      const before = await epoch();
      await act();
      return (await epoch()) > before;
    };
    expect(await raised(() => agent.token())).toBe(false);
    expect(await raised(() => agent.token())).toBe(true);
    expect(await raised(() => promote(agent.id, 'COMPANION'))).toBe(true);
    expect(await raised(async () => ours.admin('POST', `/v1/sessions/${await sessionOf(agent)}/revoke`))).toBe(true);
    expect(await raised(() => ours.admin('POST', `/v1/agents/${agent.id}/suspend`, { reason: 'r' }))).toBe(true);
    expect(await raised(() => ours.admin('GET', `/v1/agents/${agent.id}`))).toBe(false);
  });
});

test('a demotion suspends the newest grants above the new tier’s number, and says which', async () => {
  const agent = await newAgent('COMPANION');
  const ids = [newUuid(), newUuid(), newUuid()];
  for (const [i, id] of ids.entries()) {
    const values = [ours.id, id, `held_${i}`];
    await identity.open.tenants.inTenant(ours.id, async ({ client }) => {
      await client.query(`insert into credentials values ($1, $2, $3, 'NOVICE', 1, true, now(), now(), null)`, values);
    });
    expect((await ours.admin('PUT', `/v1/credentials/held_${i}/grants/${agent.id}`)).status).toBe(200);
  }
  const show = async () => (await ours.admin('GET', `/v1/agents/${agent.id}`)).body;
  expect(await show()).toMatchObject({ credentials_granted: 3, credentials_limit: 5 });
  const demoted = await ours.admin('POST', `/v1/agents/${agent.id}/demote`, { tier: 'NOVICE', reason: 'errors' });
  expect(demoted.body).toMatchObject({ credentials_granted: 1, credentials_limit: 1 });
  const entry = (await entriesAbout(identity, ours.id, agent.id)).at(-1);
  const suspended = [ids[2], ids[1]].map((id) => publicId('crd', id as string));
  expect(entry).toMatchObject({
    action: 'agent.demote',
    details: { from: 'COMPANION', to: 'NOVICE', grants_suspended: suspended },
  });
  const listed = await ours.admin<{ data: object[] }>('GET', `/v1/agents?limit=200`);
  expect(listed.body.data).toContainEqual(expect.objectContaining({ id: agent.id, credentials_granted: 1 }));
});

test('a token request that overlaps a suspension never outlives it', async () => {
  const agent = await newAgent();
  await agent.tokenOnce();
  const racing = Array.from({ length: 6 }, () => agent.tokenOnce());
  await ours.admin('POST', `/v1/agents/${agent.id}/suspend`, { reason: 'r' });
  await Promise.all(racing);
  const { body } = await ours.admin<{ data: { state: string }[] }>('GET', `/v1/agents/${agent.id}/sessions`);
  expect(body.data.every(({ state }) => state === 'revoked')).toBe(true);
});
