import type { Tier } from '@chancery/protocol/tiers.js';
import { FollowOverdue } from '../../src/identity/behaviour/follow-overdue.js';
import type { Type } from '@nestjs/common';
import { FollowUses } from '../../src/identity/behaviour/follow-uses.js';
import { RecordFindings } from '../../src/identity/behaviour/record-findings.js';
import { FindAgent } from '../../src/identity/find-agent.js';
import { Clock } from '../../src/platform/clock.js';
import { TenantDatabase } from '../../src/platform/database/tenant-database.js';
import { storedId } from '../../src/platform/ids.js';
import { Acts, type EntryDraft } from '../../src/tenancy/acts.js';
import { verdictOn } from '../support/chain-check.js';
import { asSuperuser } from '../support/database.js';
import { DpopAgent } from '../support/dpop-agent.js';
import {
  callerOn,
  entriesAbout,
  furnishedTenant,
  type IdentityApp,
  signedIn,
  startIdentity,
  type TestTenant,
} from '../support/identity.js';

jest.setTimeout(60_000);

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let identity: IdentityApp;
let ours: TestTenant;
let follow: FollowUses;
let count = 0;
beforeAll(async () => {
  identity = await startIdentity();
  ours = await furnishedTenant(identity);
  follow = identity.app.get(FollowUses, { strict: false });
});
beforeEach(() => {
  // At the beginning of a minute of its own, so that no test depends on when it runs, or on the one before it.
  const now = Date.now() + identity.clock.aheadMs;
  identity.clock.aheadMs += (Math.floor(now / MINUTE) + 1) * MINUTE - now + 2 * HOUR;
});
afterEach(async () => {
  expect(await verdictOn(identity.open, ours.id)).toMatchObject({ verdict: 'ok' });
});
afterAll(() => identity?.close());

interface Made {
  id: string;
  api_key: string;
}
interface Behaviour {
  score: number | null;
  verdict: string;
  tier: Tier;
  window: Record<string, unknown>;
  components: Record<string, { weight: number; value: number }>;
  anomalies: { kind: string; observed: string; bound: string }[];
  renewals: Record<string, number>;
  recommendation: { action: string; tier: string; reasons: string[] } | null;
}

async function agentOf(tier: Tier): Promise<DpopAgent> {
  const { body } = await ours.admin<Made>('POST', '/v1/agents', { name: `agent-${++count}` });
  if (tier !== 'NOVICE') await promote(body.id, tier);
  const now = () => Date.now() + identity.clock.aheadMs;
  const agent = new DpopAgent(identity.at.tenant, body.id, body.api_key, undefined, now);
  await agent.token();
  return agent;
}
/** A person whose second factor is fresh by the clock that the tests put forward. */
const human = async () =>
  callerOn(identity.at.tenant, await signedIn(identity, ours.id, 'owner', -identity.clock.aheadMs));
async function promote(id: string, tier: Tier): Promise<void> {
  const promoted = await (await human())('POST', `/v1/agents/${id}/promote`, { tier, reason: 'test' });
  expect(promoted.status).toBe(200);
}
const append = (drafts: readonly EntryDraft[]) =>
  identity.app.get(Acts, { strict: false }).run(ours.id, async ({ chain }) => {
    const refs = [];
    for (const draft of drafts) refs.push(await chain.append(draft));
    return refs;
  });

/** Entries as the use path writes them. */
async function use(agent: DpopAgent, times: number, outcome: Record<string, unknown> = { status: 200 }): Promise<void> {
  const actor = `agent:${agent.id}`;
  const intent = { actor, action: 'credential.use', outcome: 'intent', details: { name: 'key' } };
  const intents = await append(Array.from({ length: times }, () => intent));
  await append(
    intents.map(({ seq }) => ({
      actor,
      action: 'credential.use.outcome',
      outcome: 'success',
      details: { intent: seq, duration_ms: 100, ...outcome },
    })),
  );
}
const deny = (agent: DpopAgent, times: number, code = 'domain_not_allowed') =>
  append(
    Array.from({ length: times }, () => ({
      actor: `agent:${agent.id}`,
      action: 'credential.use',
      outcome: 'denied',
      details: { code },
    })),
  );
const look = () => follow.execute(ours.id);
const behaviour = async ({ id }: DpopAgent) => (await ours.admin<Behaviour>('GET', `/v1/agents/${id}/behaviour`)).body;
const tierOf = async ({ id }: DpopAgent) => (await ours.admin<{ tier: Tier }>('GET', `/v1/agents/${id}`)).body.tier;
const entries = async (agent: DpopAgent, action: string) =>
  (await entriesAbout(identity, ours.id, agent.id)).filter((entry) => entry.action === action);
const kindsOf = async (agent: DpopAgent) =>
  (await entries(agent, 'agent.anomaly')).map(({ details }) => details.kind as string).sort();

test('the behaviour of an agent is what the chain says, to the last entry', async () => {
  const agent = await agentOf('COMPANION');
  expect(await behaviour(agent)).toMatchObject({ score: null, verdict: 'none', recommendation: null });
  for (const times of [2, 4, 6]) {
    await use(agent, times);
    identity.clock.aheadMs += MINUTE;
  }
  await use(agent, 2, { status: 404, duration_ms: 170 });
  await deny(agent, 1);
  await deny(agent, 20, 'brake_active'); // nothing the agent did
  await use(agent, 5, { status: 503 }); // nor this
  const asked = await behaviour(agent);
  // 20 calls, 2 errors, 1 denial; 2, 4, 6 in the whole minutes: 0.30·0.8 + 0.25·0.9 + 0.25·(1 − √(8/3)/4) + 0.20
  expect(asked).toMatchObject({
    score: 0.8129,
    verdict: 'good',
    window: { calls: 20, errors: 2, denials: 1, calls_per_minute_cv: 0.4082, mean_latency_ms: 107 },
    components: { errors: { weight: 0.3, value: 0.8 }, denials: { weight: 0.25, value: 0.9 } },
    anomalies: [],
    renewals: { used: 0, limit: 10, minimum_score: 0.8 },
    recommendation: null,
  });
  await look();
  expect(await behaviour(agent)).toEqual(asked);
});

test('an agent may read its own behaviour and nobody else’s', async () => {
  const [agent, other] = [await agentOf('NOVICE'), await agentOf('NOVICE')];
  expect((await agent.call('GET', `/v1/agents/${agent.id}/behaviour`)).body).toEqual(await behaviour(agent));
  const strange = await agent.call('GET', `/v1/agents/${other.id}/behaviour`);
  const nobody = await agent.call('GET', '/v1/agents/agt_0192f0c1a2b37c4d8e9f001122334455/behaviour');
  const { request_id: _, ...told } = strange.body;
  expect([strange.status, { ...told, request_id: nobody.body.request_id }]).toEqual([404, nobody.body]);
});

test('each kind of anomaly is recorded once in ten minutes, by however many nodes', async () => {
  const agent = await agentOf('PARTNER');
  for (let i = 0; i < 4; i += 1) {
    await use(agent, 3);
    identity.clock.aheadMs += MINUTE;
  }
  await look();
  expect(await kindsOf(agent)).toEqual([]);
  await use(agent, 12, { status: 404 });
  await use(agent, 1, { duration_ms: 9_000 });
  await append([
    { actor: `agent:${agent.id}`, action: 'credential.redacted', outcome: 'success', details: { count: 1 } },
  ]);
  // Two that know nothing of each other, as in two processes.
  const of = <T>(type: Type<T>) => identity.app.get(type, { strict: false });
  const other = new FollowUses(
    of(TenantDatabase),
    of(FindAgent),
    of(RecordFindings),
    identity.app.get(Clock, { strict: false }),
  );
  await Promise.all([look(), other.execute(ours.id)]);
  const once = ['call_rate', 'error_rate', 'latency', 'redaction'];
  expect(await kindsOf(agent)).toEqual(once);
  const [first] = await entries(agent, 'agent.anomaly');
  expect(first).toMatchObject({
    actor: 'system:behaviour',
    details: { id: expect.stringMatching(/^anm_/), kind: 'error_rate', observed: '48.0 %', bound: '30.0 %' },
  });
  await use(agent, 1, { status: 404 });
  await look();
  expect(await kindsOf(agent)).toEqual(once);
  expect((await behaviour(agent)).anomalies).toHaveLength(4);
  identity.clock.aheadMs += 11 * MINUTE;
  await use(agent, 1, { status: 404 });
  await look();
  expect(await kindsOf(agent)).toEqual(['call_rate', 'error_rate', 'error_rate', 'latency', 'redaction']);
  identity.clock.aheadMs += HOUR;
  expect((await behaviour(agent)).anomalies).toEqual([]);
});

test('an agent whose score stays too low goes down one tier, and not again for the same calls', async () => {
  const agent = await agentOf('GUARDIAN');
  await deny(agent, 12);
  await use(agent, 3, { status: 404 });
  await look();
  expect(await tierOf(agent)).toBe('GUARDIAN');
  expect(await behaviour(agent)).toMatchObject({
    verdict: 'too_low',
    recommendation: { action: 'demote', tier: 'PARTNER' },
  });
  await look(); // the anomaly's own entry: from here on the chain stands still
  // Nothing more happens: the job that comes by is the second look.
  identity.clock.aheadMs += MINUTE;
  const overdue = identity.app.get(FollowOverdue, { strict: false });
  await overdue.execute();
  expect(await tierOf(agent)).toBe('PARTNER');
  const [demotion] = await entries(agent, 'agent.demoted');
  // 12 of 15 denied, 3 of 15 errors, one anomaly: 0.30·0.6 + 0 + 0.25 + 0.20·0.8
  expect(demotion).toMatchObject({
    actor: 'system:behaviour',
    details: {
      from: 'GUARDIAN',
      to: 'PARTNER',
      automatic: true,
      score: '0.59',
      reasons: [
        'score 0.59, GUARDIAN needs 0.6',
        '12 of 15 calls were denied',
        '3 of 15 calls were errors',
        '1 anomalies in the last hour',
      ],
      grants_suspended: [],
    },
  });
  for (let i = 0; i < 3; i += 1) {
    identity.clock.aheadMs += 2 * MINUTE;
    await overdue.execute();
  }
  expect(await tierOf(agent)).toBe('PARTNER');
  await deny(agent, 10);
  await use(agent, 5, { status: 400 });
  await look();
  identity.clock.aheadMs += MINUTE;
  await deny(agent, 1);
  await look();
  expect(await tierOf(agent)).toBe('COMPANION');
});

test('a person’s promotion begins anew: what came before it is not held against the agent', async () => {
  const agent = await agentOf('COMPANION');
  await deny(agent, 30);
  await look();
  await promote(agent.id, 'PARTNER');
  identity.clock.aheadMs += 2 * MINUTE;
  await use(agent, 15);
  await look();
  identity.clock.aheadMs += 2 * MINUTE;
  await use(agent, 1);
  await look();
  expect(await behaviour(agent)).toMatchObject({ verdict: 'too_low' });
  expect(await tierOf(agent)).toBe('PARTNER');
});

test('below its tier’s score a session is not renewed: told, audited, and a demotion where it was earned', async () => {
  const agent = await agentOf('COMPANION');
  await use(agent, 20);
  expect((await agent.token()).status).toBe(200);
  expect((await behaviour(agent)).renewals).toEqual({ used: 1, limit: 10, minimum_score: 0.8 });
  await deny(agent, 20);
  const refused = await agent.token();
  expect([refused.status, refused.body]).toEqual([
    400,
    {
      error: 'invalid_grant',
      error_description:
        'The behaviour score of this agent is 0.75, and COMPANION renews from 0.8 on. The agent is NOVICE from now on. Begin a new session with a new DPoP key.',
    },
  ]);
  expect(await tierOf(agent)).toBe('NOVICE');
  expect((await entries(agent, 'session.renew')).at(-1)).toMatchObject({
    outcome: 'denied',
    details: { score: '0.75', minimum_score: '0.8', tier: 'COMPANION' },
  });
  // Asking again changes nothing more; a new session at the new tier is the way on.
  expect((await agent.token()).body.error_description).toContain('NOVICE renews from 0.9 on. Begin');
  expect(await entries(agent, 'agent.demoted')).toHaveLength(1);
  const again = new DpopAgent(agent.base, agent.id, agent.apiKey, undefined, agent.nowMs);
  expect((await again.token()).status).toBe(200);
});

test('a SACRED session that may not be renewed is not put before a person', async () => {
  const agent = await agentOf('SACRED');
  const approve = async () => {
    const { body } = await ours.admin<{ data: { id: string }[] }>('GET', `/v1/agents/${agent.id}/sessions`);
    await (
      await human()
    )('POST', `/v1/sessions/${String(body.data[0]?.id)}/approve`, {});
  };
  await approve();
  expect((await agent.token()).status).toBe(200);
  await deny(agent, 12);
  await use(agent, 12, { status: 404 });
  expect((await agent.token()).body.error).toBe('invalid_grant');
  expect(await tierOf(agent)).toBe('GUARDIAN');
});

test('what is remembered comes from the chain and can be made from it again', async () => {
  const agent = await agentOf('PARTNER');
  await use(agent, 30);
  await deny(agent, 3);
  await look();
  const rows = () =>
    asSuperuser(identity.database.adminUrl, async (admin) => {
      const where = [storedId('agt', agent.id)];
      const { rows: found } = await admin.query('select * from chancery.agent_behaviour where agent_id = $1', where);
      return found;
    });
  const before = await rows();
  expect(before).toMatchObject([{ tier_calls: '33' }]);
  await asSuperuser(identity.database.adminUrl, async (admin) => {
    await admin.query('delete from chancery.agent_behaviour where tenant_id = $1', [ours.id]);
    await admin.query('delete from chancery.behaviour_cursors where tenant_id = $1', [ours.id]);
  });
  await look();
  expect(await rows()).toEqual(before);
});

test('a recommendation to promote is made for volume, age and score, and a person may follow it', async () => {
  const agent = await agentOf('NOVICE');
  await use(agent, 120);
  await look();
  expect((await behaviour(agent)).recommendation).toBeNull();
  identity.clock.aheadMs += 24 * HOUR;
  expect((await behaviour(agent)).recommendation).toEqual({
    action: 'promote',
    tier: 'COMPANION',
    reasons: [
      '120 calls as NOVICE, 100 are asked for',
      '1 days as NOVICE, 1 are asked for',
      'score 1, 0.95 is asked for',
    ],
  });
  expect(await tierOf(agent)).toBe('NOVICE');
});
