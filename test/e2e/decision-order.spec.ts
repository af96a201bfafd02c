import { OpenVersion } from '../../src/credentials/open-version.js';
import { Sealing } from '../../src/credentials/sealing.js';
import { Outbound } from '../../src/platform/outbound/outbound.js';
import {
  type AppTenant,
  execute,
  expectStatus,
  MASTER_PASSWORD,
  startApp,
  storeCredential,
  type TestApp,
} from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import type { Answer, DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { UPSTREAM_HOST } from '../support/hostile-upstream.js';
import { judgeNobody } from '../support/judge-nobody.js';

jest.setTimeout(300_000);

/** In the order of design 4: whatever else is wrong, the first of these that is wrong is the answer. */
const ORDER = [
  ['session ended', 401, 'invalid_token'],
  ['URL refused', 400, 'url_refused'],
  ['global brake', 403, 'brake_active'],
  ['tenant brake', 403, 'brake_active'],
  ['agent brake', 403, 'brake_active'],
  ['unknown', 404, 'credential_not_found'],
  ['not granted', 404, 'credential_not_found'],
  ['credential brake', 403, 'brake_active'],
  ['tier too low', 403, 'tier_too_low'],
  ['grant suspended', 403, 'tier_too_low'],
  ['vault sealed', 503, 'vault_sealed'],
  ['foreign domain', 403, 'domain_not_allowed'],
  ['other method', 403, 'request_method_not_allowed'],
  ['other path', 403, 'path_not_allowed'],
  ['other place', 403, 'placement_not_allowed'],
  ['unknown field', 400, 'template_refused'],
  ['waits for a person', 202, undefined],
] as const;
type Fault = (typeof ORDER)[number][0];

interface Where {
  readonly faults: readonly Fault[];
  readonly request: Readonly<Record<string, unknown>>;
}
const URLS: readonly Where[] = [
  { faults: [], request: { url: `https://${UPSTREAM_HOST}/v1` } },
  { faults: ['foreign domain'], request: { url: 'https://evil.example/v1' } },
  { faults: ['URL refused'], request: { url: `https://who@${UPSTREAM_HOST}/v1` } },
  { faults: ['URL refused', 'foreign domain'], request: { url: `https://${UPSTREAM_HOST}\\@evil.example/v1` } },
];
/** What else a binding and a credential can refuse of a request, each on top of every other, and of a foreign domain. */
const REQUESTS: readonly Where[] = subsets([
  'foreign domain',
  'other method',
  'other path',
  'other place',
  'unknown field',
])
  .map((faults) => {
    const slot = faults.includes('unknown field') ? '{{CREDENTIAL.nothing}}' : '{{CREDENTIAL}}';
    const host = faults.includes('foreign domain') ? 'evil.example' : UPSTREAM_HOST;
    return {
      faults,
      request: {
        method: faults.includes('other method') ? 'POST' : 'GET',
        url: `https://${host}${faults.includes('other path') ? '/v10' : '/v1'}`,
        ...(faults.includes('other place') ? { headers: {}, query: { key: slot } } : { headers: { 'x-key': slot } }),
      },
    };
  })
  .filter(({ faults }) => faults.some((fault) => fault !== 'foreign domain'));

function subsets(faults: readonly Fault[]): Fault[][] {
  return Array.from({ length: 2 ** faults.length }, (_, bits) => faults.filter((_fault, index) => (bits >> index) & 1));
}

interface Credential {
  readonly name: string;
  readonly faults: readonly Fault[];
}
const CREDENTIALS: readonly Credential[] = [
  { name: 'nowhere', faults: ['unknown'] },
  ...[[], ['not granted'], ['grant suspended']].flatMap((grant) =>
    [[], ['tier too low']].flatMap((tier) =>
      [[], ['credential brake']].map((brake) => {
        const wrong = [...grant, ...tier, ...brake] as Fault[];
        // Whoever waits for a person, waits last: each credential with a fault asks for one besides.
        const faults: Fault[] = wrong.length === 0 ? [] : [...wrong, 'waits for a person'];
        return { faults, name: ['c', ...faults].join('.').replaceAll(' ', '_') };
      }),
    ),
  ),
  { name: 'c.waits_for_a_person', faults: ['waits for a person'] },
];

interface Side {
  readonly tenant: AppTenant;
  readonly faults: readonly Fault[];
  readonly agents: readonly { readonly agent: DpopAgent; readonly faults: readonly Fault[] }[];
}

let app: TestApp;
let sides: readonly Side[];
let upstreamCalls = 0;
beforeAll(async () => {
  app = await startApp({
    upstream: (_, response) => {
      upstreamCalls += 1;
      response.end('{}');
    },
  });
  judgeNobody(app.app);
  sides = [await furnish([]), await furnish(['tenant brake'])];
});
afterAll(() => app?.close());

const brake = async (tenant: AppTenant, body: Record<string, unknown>): Promise<void> =>
  expectStatus(await tenant.admin('POST', '/v1/brakes', { reason: 'test', ...body }), 201);

/** A tenant with every state of an agent and every state of a credential, each on top of every other. */
async function furnish(faults: readonly Fault[]): Promise<Side> {
  const tenant = await app.newTenant();
  for (const { name, faults: own } of CREDENTIALS.filter((one) => one.name !== 'nowhere')) {
    const bound = { methods: ['GET'], path_prefixes: ['/v1'], placements: ['header'] };
    const approval = own.includes('waits for a person') ? 'each_use' : 'none';
    const more = { ...bound, minimum_tier: own.includes('tier too low') ? 'GUARDIAN' : 'COMPANION', approval };
    await storeCredential(tenant, name, 'sk-live-0123456789abcdef', { more });
    if (own.includes('credential brake')) await brake(tenant, { scope: 'credential', credential_name: name });
  }
  const agents = [];
  for (const own of [[], ['agent brake'], ['session ended'], ['session ended', 'agent brake']] as Fault[][]) {
    const agent = await app.newAgent(tenant, ['a', ...own].join('.').replaceAll(' ', '_'), 'PARTNER');
    await grantAll(tenant, agent);
    if (own.includes('agent brake')) await brake(tenant, { scope: 'agent', agent_id: agent.id });
    if (own.includes('session ended')) await endSession(tenant, agent);
    agents.push({ agent, faults: own });
  }
  if (faults.includes('tenant brake')) await brake(tenant, { scope: 'tenant' });
  return { tenant, faults, agents };
}

/** The tier's five are the first; a demotion suspends what came after. */
async function grantAll({ admin }: AppTenant, agent: DpopAgent): Promise<void> {
  const held = CREDENTIALS.filter(({ faults }) => !faults.includes('unknown') && !faults.includes('not granted'));
  const suspended = held.filter(({ faults }) => faults.includes('grant suspended'));
  const active = held.filter((credential) => !suspended.includes(credential));
  for (const { name } of [...active, ...suspended])
    expectStatus(await admin('PUT', `/v1/credentials/${name}/grants/${agent.id}`), 200);
  expectStatus(await admin('POST', `/v1/agents/${agent.id}/demote`, { tier: 'COMPANION', reason: 'test' }), 200);
}

async function endSession({ admin }: AppTenant, agent: DpopAgent): Promise<void> {
  const { body } = await admin<{ data: { id: string }[] }>('GET', `/v1/agents/${agent.id}/sessions`);
  expectStatus(await admin('POST', `/v1/sessions/${body.data[0]?.id}/revoke`, {}), 200);
}

interface Asked {
  readonly faults: readonly Fault[];
  readonly purpose: string;
  readonly tenant: AppTenant;
  readonly answer: Answer;
}

/** Nothing denies it, though it may wait for a person. */
const fine = (...parts: readonly { readonly faults: readonly Fault[] }[]): boolean =>
  parts.every(({ faults }) => faults.every((fault) => fault === 'waits for a person'));

/** Every agent on both sides asks for every credential at every URL. */
async function askEverything(around: readonly Fault[]): Promise<Asked[]> {
  const asked: Asked[] = [];
  const cases = sides.flatMap((side) =>
    side.agents.flatMap((who) =>
      CREDENTIALS.flatMap((credential) =>
        // The order of the last steps does not hang on who asks: all of them for the two that nothing else denies.
        [...URLS, ...(fine(side, who, credential) ? REQUESTS : [])].map((where) => ({
          tenant: side.tenant,
          agent: who.agent,
          name: credential.name,
          request: where.request,
          faults: [...around, ...side.faults, ...who.faults, ...credential.faults, ...where.faults],
        })),
      ),
    ),
  );
  const work = async (): Promise<void> => {
    for (let next = cases.pop(); next !== undefined; next = cases.pop()) {
      const { tenant, agent, name, request, faults } = next;
      const purpose = ['faults', ...faults].join(' + ');
      asked.push({ faults, purpose, tenant, answer: await execute(agent, name, request, { purpose }) });
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return asked;
}

test('P2: of every subset of faults the answer is the first in order, with one entry and nothing decrypted', async () => {
  const opened = [
    jest.spyOn(app.app.get(OpenVersion, { strict: false }), 'execute'),
    jest.spyOn(app.app.get(Sealing, { strict: false }), 'open'),
    jest.spyOn(app.app.get(Outbound, { strict: false }), 'send'),
  ];
  const asked = await askEverything([]);
  expectStatus(await app.staff('POST', '/v1/vault/seal', { reason: 'test' }), 200);
  asked.push(...(await askEverything(['vault sealed'])));
  const global = await app.staff<{ id: string }>('POST', '/v1/brakes', { scope: 'global', reason: 'test' });
  expectStatus(global, 201);
  asked.push(...(await askEverything(['global brake', 'vault sealed'])));
  expectStatus(await app.staff('POST', '/v1/vault/unseal', { password: MASTER_PASSWORD }), 200);
  asked.push(...(await askEverything(['global brake'])));

  expect(asked.filter(({ faults }) => faults.length === 0)).toHaveLength(1);
  expect(new Set(asked.map(({ faults }) => [...faults].sort().join())).size).toBe(asked.length);
  // Every subset of the first ten kinds is there; two of the kinds come in two forms. What waits for a person stands
  // beside each.
  expect(asked).toHaveLength(2 ** 7 * CREDENTIALS.length + 2 * 2 ** 2 * (2 ** 5 - 2));
  const wrong = asked.flatMap(({ faults, purpose, answer }) => {
    const expected = ORDER.find(([fault]) => faults.includes(fault));
    const [, status, code] = expected ?? [null, 200, undefined];
    const scope = code === 'brake_active' ? expected?.[0].replace(' brake', '') : undefined;
    const is = [answer.status, answer.body.code, answer.body.scope];
    return JSON.stringify(is) === JSON.stringify([status, code, scope]) ? [] : [`${purpose}: ${is.join(' ')}`];
  });
  expect(wrong).toEqual([]);

  for (const spy of opened) expect(spy).toHaveBeenCalledTimes(1);
  expect(upstreamCalls).toBe(1);
  await expectEntries(asked);
});

async function expectEntries(asked: readonly Asked[]): Promise<void> {
  for (const { tenant } of sides) {
    const own = asked.filter((one) => one.tenant === tenant);
    const allowed = own.filter(({ answer }) => answer.status === 200).length;
    const entries = await eventually(
      () => entriesOf(app.open, tenant.id),
      (found) => found.filter(({ entry }) => entry.action === 'credential.use.outcome').length === allowed,
    );
    const uses = entries.filter(({ entry }) => entry.action === 'credential.use');
    const expected = own.flatMap(({ purpose, answer: { status, body } }) => {
      if (status === 401) return [];
      if (status === 202) return [`${purpose}: pending`];
      return [status === 200 ? `${purpose}: intent` : `${purpose}: denied ${String(body.code)}`];
    });
    const found = uses.map(({ entry: { outcome, details } }) =>
      [`${details.purpose as string}: ${outcome}`, ...(outcome === 'denied' ? [details.code as string] : [])].join(' '),
    );
    expect(found.sort()).toEqual(expected.sort());
    // A denial names the entry it left.
    const hashes = new Map(uses.map(({ entry, hash }) => [entry.seq, hash]));
    const named = own.flatMap(({ answer }) => (answer.body.audit ?? []) as { seq: number; hash: string });
    expect(named.map(({ seq }) => hashes.get(seq))).toEqual(named.map(({ hash }) => hash));
  }
}
