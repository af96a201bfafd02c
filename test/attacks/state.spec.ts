import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { GlobalBrake } from '../../src/brakes/global-brake.js';
import { type AppTenant, expectStatus, MASTER_PASSWORD, newAgent, storeCredential } from '../support/app.js';
import { attack } from '../support/attack-report.js';
import { type AttackSite, openAttackSite, SECRET } from '../support/attack-site.js';
import { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { floodUntilStalled } from '../support/flood.js';
import { UPSTREAM_HOST as H } from '../support/hostile-upstream.js';
import { type Caller, callerOn, signedIn } from '../support/identity.js';
import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';
import { stream } from '../support/stream-call.js';
import type { SeenUse, UseDoor } from '../support/use-door.js';
import { DOORS } from '../support/use-doors.js';

jest.setTimeout(300_000);

/** A second is what is promised of a machine that has nothing else to do. What is not cut goes on for two minutes, or for ever. */
const CUT_WITHIN_MS = 30_000;
/** What the sockets on the way may hold. */
const FLOOD_BYTES_MAX = 32 * 1_048_576;
const reason = 'test';

/** People act on this node, or on the other one; the agent works on either. */
interface Side {
  readonly name: string;
  readonly base: string;
  readonly staff: Caller;
  /** Whether the node knows of a global brake. */
  readonly isBraked: () => boolean;
}
let site: AttackSite;
let sides: readonly [here: Side, there: Side];
beforeAll(async () => {
  site = await openAttackSite();
  const own = { TENANT_ORIGINS: '', PUBLIC_ORIGINS: '', OPS_ORIGINS: '' };
  const node = await site.app.join(own);
  const staff = callerOn(node.urls.ops, await signedIn(site.app, PLATFORM_TENANT_ID, 'owner'));
  const isBraked = ({ app }: Pick<typeof node, 'app'>) => {
    const brake = app.get(GlobalBrake, { strict: false });
    return () => brake.isOn;
  };
  sides = [
    { name: 'this node', base: site.app.at.tenant, staff: site.app.staff, isBraked: isBraked(site.app) },
    { name: 'another node', base: node.urls.tenant, staff, isBraked: isBraked(node) },
  ];
  site.upstream.hangOn('/hang');
  site.upstream.on('/drip', (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const dripping = setInterval(() => response.write(`data: ${'x'.repeat(20)}\n\n`), 10);
    response.once('close', () => clearInterval(dripping));
  });
});
afterEach(() => site.upstream.letGo());
afterAll(() => site?.close());

let count = 0;
interface Cast {
  readonly tenant: AppTenant;
  readonly agent: DpopAgent;
  readonly credential: string;
}

/** An agent of a test's own that works on `side`, with a credential of its own, of a tenant whose people are on this node. */
async function cast(side: Side): Promise<Cast> {
  count += 1;
  const { tenant } = site;
  const here = await newAgent(site.app, tenant, `cast-${count}`, 'PARTNER');
  const agent = new DpopAgent(side.base, here.id, here.apiKey);
  expectStatus(await agent.token(), 200);
  const credential = `cast_${count}`;
  await storeCredential(tenant, credential, SECRET, { grantTo: [agent] });
  return { tenant, agent, credential };
}

type Act = (it: Cast) => Promise<{ readonly status: number; readonly body: unknown }>;
const brake = ({ tenant }: Cast, body: Record<string, unknown>) =>
  tenant.admin('POST', '/v1/brakes', { ...body, reason });

async function release(human: Caller, scope: string) {
  const { body } = await human<{ data: { id: string; scope: string }[] }>('GET', '/v1/brakes?active=true&limit=200');
  const id = body.data.findLast((one) => one.scope === scope)?.id;
  const confirm = scope === 'global' ? { confirm: 'clear the global brake' } : {};
  return human('POST', `/v1/brakes/${id}/clear`, { reason, ...confirm });
}

/** Unsealing is done at each node: a seal reached them all. */
async function unsealAll(): Promise<{ status: number; body: unknown }> {
  for (const { staff } of sides)
    expectStatus(await staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }), 200);
  return { status: 200, body: {} };
}

interface Change {
  readonly act: string;
  readonly change: Act;
  readonly undo?: Act;
  /** What the next use is told. */
  readonly code: string | null;
}

const CHANGES: readonly (Change & { readonly cuts: boolean })[] = [
  {
    act: 'a brake on the agent',
    cuts: true,
    code: 'brake_active',
    change: (it) => brake(it, { scope: 'agent', agent_id: it.agent.id }),
  },
  {
    act: 'a brake on the credential',
    cuts: false,
    code: 'brake_active',
    change: (it) => brake(it, { scope: 'credential', credential_name: it.credential }),
  },
  {
    act: 'a brake on the tenant',
    cuts: true,
    code: 'brake_active',
    change: (it) => brake(it, { scope: 'tenant' }),
    undo: ({ tenant }) => release(tenant.human, 'tenant'),
  },
  {
    act: 'the global brake',
    cuts: true,
    code: 'brake_active',
    change: () => site.app.staff('POST', '/v1/brakes', { scope: 'global', reason }),
    undo: async () => {
      const released = await release(site.app.staff, 'global');
      for (const { isBraked } of sides) await eventually(isBraked, (braked) => !braked);
      return released;
    },
  },
  {
    act: 'a seal',
    cuts: true,
    code: 'vault_sealed',
    change: () => site.app.staff('POST', '/v1/vault/seal', { reason }),
    undo: unsealAll,
  },
  {
    act: 'suspending the agent',
    cuts: false,
    code: 'invalid_token',
    change: ({ tenant, agent }) => tenant.admin('POST', `/v1/agents/${agent.id}/suspend`, { reason }),
  },
  {
    act: 'deleting the credential',
    cuts: true,
    code: 'credential_not_found',
    change: ({ tenant, credential }) => tenant.admin('DELETE', `/v1/credentials/${credential}`),
  },
  {
    act: 'taking the grant away',
    cuts: false,
    code: 'credential_not_found',
    change: ({ tenant, credential, agent }) =>
      tenant.admin('DELETE', `/v1/credentials/${credential}/grants/${agent.id}`),
  },
  {
    act: 'a demotion',
    cuts: false,
    code: 'tier_too_low',
    change: ({ tenant, agent }) => tenant.admin('POST', `/v1/agents/${agent.id}/demote`, { tier: 'NOVICE', reason }),
  },
  {
    act: 'a higher minimum tier',
    cuts: false,
    code: 'tier_too_low',
    change: ({ tenant, credential }) =>
      tenant.admin('PATCH', `/v1/credentials/${credential}`, { minimum_tier: 'GUARDIAN' }),
  },
  {
    act: 'other domains',
    cuts: false,
    code: 'domain_not_allowed',
    change: ({ tenant, credential }) =>
      tenant.admin('PUT', `/v1/credentials/${credential}/binding`, { allowed_domains: ['elsewhere.example'] }),
  },
  {
    act: 'a rotation',
    cuts: false,
    code: null,
    change: ({ tenant, credential }) =>
      tenant.admin('POST', `/v1/credentials/${credential}/rotate`, { value: `${SECRET}-new` }),
  },
];

const useOf = (door: UseDoor, { agent, credential }: Cast, path = '/', whenBegun = () => {}): Promise<SeenUse> =>
  door.use(agent, credential, { url: `https://${H}${path}` }, { whenBegun });

/** What is under way when something happens: a call that nobody answered yet, or an answer that is arriving. */
const UNDER_WAY = {
  execute: { what: 'a call that waits', path: '/hang' },
  stream: { what: 'an answer that streams', path: '/drip' },
} as const;

for (const door of DOORS) {
  for (const { act, change, undo, code } of CHANGES)
    attack('40', door.name, `${act}, and the next use on another node`, async (saw) => {
      const it = await cast(sides[1]);
      // The node has its policy, its keys and the connection in memory.
      expect(await useOf(door, it)).toMatchObject({ status: 200, code: null });
      const changed = await change(it);
      try {
        expect(changed.status).toBeLessThan(300);
        const seen = saw(await useOf(door, it));
        expect(seen.code).toBe(code);
        const sent = site.upstream.received.at(-1)?.headers.authorization;
        if (code === null) expect(sent).toBe(`Bearer ${SECRET}-new`);
      } finally {
        await undo?.(it);
      }
    });

  const { what, path } = UNDER_WAY[door.name];
  for (const [index, where] of ['here', 'on another node'].entries())
    for (const { act, change, undo } of CHANGES.filter(({ cuts }) => cuts))
      attack('39', door.name, `${act} during ${what} ${where}`, async (saw) => {
        const it = await cast(sides[index] as Side);
        let begun = false;
        const answer = useOf(door, it, path, () => (begun = true));
        await eventually(
          () => begun || site.upstream.hanging > 0,
          (there) => there,
        );
        const startedAt = performance.now();
        const changed = change(it);
        try {
          const seen = saw(await answer);
          const tookMs = performance.now() - startedAt;
          expect((await changed).status).toBeLessThan(300);
          expect(tookMs).toBeLessThan(CUT_WITHIN_MS);
          // Never an end that looks clean.
          if (seen.code === null) expect(seen.broken).toBe(true);
          else expect(seen).toMatchObject({ status: 503, code: 'call_cut' });
        } finally {
          await changed;
          await undo?.(it);
        }
      });
}

attack('38', 'stream', 'a client that does not read', async (saw) => {
  await site.credential('key');
  const asked = new Promise<ServerResponse>((resolve) =>
    site.upstream.on('/flood', (_, response) => resolve(response)),
  );
  const headers = { 'chancery-forward-authorization': '{{CREDENTIAL}}' };
  const answering = stream(site.agent, '/flood', { headers });
  const flood = await asked;
  const closed = once(flood, 'close');
  const bytes = await floodUntilStalled(flood);
  saw(bytes < FLOOD_BYTES_MAX ? 'the upstream waits' : 'the upstream goes on');
  expect(bytes).toBeLessThan(FLOOD_BYTES_MAX);
  (await answering).destroy();
  await closed;
});
