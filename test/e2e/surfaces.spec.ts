import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';
import type { Surface } from '../../src/platform/http/surface.js';
import type { MemberRole } from '../../src/tenancy/principal.js';
import { type AppTenant, startApp, type TestApp } from '../support/app.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { type Caller, callerOn, signedIn } from '../support/identity.js';

jest.setTimeout(300_000);

const FACTOR_STALE_MS = 6 * 60_000;
const SURFACES: readonly Surface[] = ['public', 'tenant', 'ops'];

const PEOPLE = ['owner', 'admin', 'approver', 'auditor'] as const;
const KINDS = [...PEOPLE, 'stale owner', 'admin key', 'auditor key', 'agent', 'nobody'] as const;
type Kind = (typeof KINDS)[number];

/** Who may call, as DESIGN 2 says; written down once more here, so that no decorator can change it unseen. */
const MAY = {
  anybody: KINDS,
  readers: [...PEOPLE, 'stale owner', 'admin key', 'auditor key'],
  admins: ['owner', 'stale owner', 'admin', 'admin key'],
  brakers: ['owner', 'stale owner', 'admin', 'approver', 'admin key'],
  humans: ['owner', 'admin', 'approver'],
  owners: ['owner'],
  people: [...PEOPLE, 'stale owner'],
  'signed in': [...PEOPLE, 'stale owner', 'admin key', 'auditor key', 'agent'],
  agents: ['agent'],
} as const satisfies Record<string, readonly Kind[]>;
type Group = keyof typeof MAY;

const ROUTES: Readonly<Record<string, readonly [surfaces: string, who: Group]>> = {
  'GET /.well-known/jwks.json': ['tenant', 'anybody'],
  'GET /.well-known/oauth-authorization-server': ['tenant', 'anybody'],
  'GET /.well-known/security.txt': ['public', 'anybody'],
  'GET /errors/{code}': ['tenant', 'anybody'],
  'GET /health/live': ['public tenant ops', 'anybody'],
  'GET /health/ready': ['public tenant ops', 'anybody'],
  'POST /oauth/revoke': ['tenant', 'anybody'],
  'POST /oauth/token': ['tenant', 'anybody'],
  'POST /mcp': ['tenant', 'agents'],
  'GET /metrics': ['ops', 'readers'],
  'GET /openapi.json': ['tenant', 'anybody'],
  'GET /reference': ['tenant', 'anybody'],
  'GET /reference/{file}': ['tenant', 'anybody'],
  'GET /security-policy': ['public', 'anybody'],
  'POST /v1/access-requests': ['tenant', 'agents'],
  'GET /v1/agents': ['tenant', 'readers'],
  'POST /v1/agents': ['tenant', 'admins'],
  'GET /v1/agents/{id}': ['tenant', 'readers'],
  'POST /v1/agents/{id}/api-key': ['tenant', 'admins'],
  'GET /v1/agents/{id}/behaviour': ['tenant', 'signed in'],
  'POST /v1/agents/{id}/demote': ['tenant', 'admins'],
  'POST /v1/agents/{id}/promote': ['tenant', 'humans'],
  'POST /v1/agents/{id}/reinstate': ['tenant', 'humans'],
  'POST /v1/agents/{id}/revoke': ['tenant', 'admins'],
  'GET /v1/agents/{id}/sessions': ['tenant', 'readers'],
  'POST /v1/agents/{id}/suspend': ['tenant', 'brakers'],
  'GET /v1/approvals': ['tenant', 'readers'],
  'GET /v1/approvals/{id}': ['tenant', 'signed in'],
  'POST /v1/approvals/{id}/approve': ['tenant', 'humans'],
  'POST /v1/approvals/{id}/refuse': ['tenant', 'brakers'],
  'GET /v1/audit/entries': ['tenant ops', 'readers'],
  'GET /v1/audit/export': ['tenant ops', 'readers'],
  'GET /v1/audit/verification': ['tenant ops', 'readers'],
  'GET /v1/brakes': ['tenant ops', 'readers'],
  'POST /v1/brakes': ['tenant ops', 'brakers'],
  'POST /v1/brakes/{id}/clear': ['tenant ops', 'humans'],
  'GET /v1/credentials': ['tenant', 'readers'],
  'POST /v1/credentials': ['tenant', 'admins'],
  'DELETE /v1/credentials/{name}': ['tenant', 'admins'],
  'GET /v1/credentials/{name}': ['tenant', 'readers'],
  'PATCH /v1/credentials/{name}': ['tenant', 'admins'],
  'PUT /v1/credentials/{name}/binding': ['tenant', 'admins'],
  'POST /v1/credentials/{name}/execute': ['tenant', 'agents'],
  'GET /v1/credentials/{name}/grants': ['tenant', 'readers'],
  'DELETE /v1/credentials/{name}/grants/{agent_id}': ['tenant', 'admins'],
  'PUT /v1/credentials/{name}/grants/{agent_id}': ['tenant', 'admins'],
  'ANY /v1/credentials/{name}/proxy/{scheme}/{host}/{path}': ['tenant', 'agents'],
  'POST /v1/credentials/{name}/rotate': ['tenant', 'admins'],
  'POST /v1/encryption-key/rotate': ['tenant', 'admins'],
  'GET /v1/granted-credentials': ['tenant', 'agents'],
  'POST /v1/login': ['tenant ops', 'anybody'],
  'POST /v1/login/factor': ['tenant ops', 'people'],
  'POST /v1/logout': ['tenant ops', 'people'],
  'GET /v1/members': ['tenant ops', 'readers'],
  'POST /v1/members': ['tenant ops', 'owners'],
  'DELETE /v1/members/{id}': ['tenant ops', 'owners'],
  'GET /v1/webhooks': ['tenant ops', 'readers'],
  'POST /v1/webhooks': ['tenant ops', 'admins'],
  'GET /v1/webhooks/{id}': ['tenant ops', 'readers'],
  'PATCH /v1/webhooks/{id}': ['tenant ops', 'admins'],
  'DELETE /v1/webhooks/{id}': ['tenant ops', 'admins'],
  'GET /v1/webhooks/{id}/deliveries': ['tenant ops', 'readers'],
  'POST /v1/webhooks/{id}/replay': ['tenant ops', 'admins'],
  'POST /v1/webhooks/{id}/rotate-secret': ['tenant ops', 'admins'],
  'POST /v1/webhooks/{id}/test': ['tenant ops', 'admins'],
  'POST /v1/webhooks/deliveries/{id}/replay': ['tenant ops', 'admins'],
  'GET /v1/service-keys': ['tenant ops', 'readers'],
  'POST /v1/service-keys': ['tenant ops', 'admins'],
  'DELETE /v1/service-keys/{id}': ['tenant ops', 'admins'],
  'POST /v1/sessions/{id}/approve': ['tenant', 'humans'],
  'POST /v1/sessions/{id}/revoke': ['tenant', 'brakers'],
  'GET /v1/tenants': ['ops', 'readers'],
  'POST /v1/tenants': ['ops', 'admins'],
  'POST /v1/token-keys/rotate': ['ops', 'admins'],
  'GET /v1/vault': ['tenant ops', 'readers'],
  'POST /v1/vault/initialize': ['ops', 'owners'],
  'POST /v1/vault/seal': ['ops', 'brakers'],
  'POST /v1/vault/unseal': ['ops', 'humans'],
  'GET /v1/whoami': ['tenant ops', 'signed in'],
};

interface Route {
  readonly name: string;
  readonly method: string;
  /** With ids that belong to nobody. */
  readonly path: string;
  readonly surfaces: readonly Surface[];
  readonly who: Group;
}
const ANY = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'];
const ALL: readonly Route[] = Object.entries(ROUTES).flatMap(([route, [surfaces, who]]) => {
  const [verb = '', pattern = ''] = route.split(' ');
  const rest = { path: filled(pattern), surfaces: surfaces.split(' ') as Surface[], who };
  return (verb === 'ANY' ? ANY : [verb]).map((method) => ({ name: `${method} ${pattern}`, method, ...rest }));
});

function filled(pattern: string): string {
  const kinds: Record<string, string> = {
    agents: 'agt',
    members: 'mem',
    'service-keys': 'key',
    sessions: 'ses',
    brakes: 'brk',
    approvals: 'apr',
    webhooks: 'whk',
    deliveries: 'dlv',
  };
  return pattern
    .replace(/(?<=\/v1\/(?:webhooks\/)?([a-z-]+)\/)\{id\}/, (_, room: string) => `${kinds[room]}_${'0'.repeat(32)}`)
    .replace('{agent_id}', `agt_${'0'.repeat(32)}`)
    .replace('{name}', 'nobodys')
    .replace('{scheme}/{host}/{path}', 'https/nowhere.example/')
    .replace('{code}', 'no_such_code')
    .replace('{file}', 'no-such-file.js');
}

/** Open, and asked for what is not there. */
const OPEN_BUT_EMPTY = new Set(['GET /errors/{code}', 'GET /reference/{file}', 'GET /.well-known/security.txt']);

let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
beforeAll(async () => {
  app = await startApp();
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'scribe');
});
afterAll(() => app?.close());

type Answer = { readonly status: number; readonly headers: Headers; readonly body: unknown };
type Asker = (method: string, path: string, body?: unknown) => Promise<Answer>;

function askerOn(surface: Surface, token?: string): Asker {
  const who = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return async (method, path, given) => {
    const json = method === 'HEAD' ? undefined : given;
    const type = json === undefined ? {} : { 'content-type': 'application/json' };
    const body = json === undefined ? null : JSON.stringify(json);
    const sent = { method, headers: { ...who, ...type }, body, redirect: 'manual' } as const;
    const answer = await fetch(app.at[surface] + path, sent);
    const text = await answer.text();
    const isJson = /[/+]json\b/.test(answer.headers.get('content-type') ?? '');
    return { status: answer.status, headers: answer.headers, body: isJson && text !== '' ? JSON.parse(text) : text };
  };
}

const codeOf = ({ headers }: Answer): unknown => headers.get('chancery-error') ?? undefined;
/** Without what is another for every request. */
function told({ status, headers, body }: Answer) {
  const kept = [...headers].filter(([name]) => !['x-request-id', 'date', 'ratelimit'].includes(name));
  return { status, kept, body: { ...(body as object), request_id: null } };
}

test('P17: the table of routes is the one the application has', async () => {
  const answer = await fetch(`${app.at.tenant}/openapi.json`);
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, { 'x-surface': Surface[] }>> };
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => `${method.toUpperCase()} ${path}: ${operation['x-surface'].join(' ')}`,
    ),
  );
  const wanted = ALL.map(({ name, surfaces }) => `${name}: ${surfaces.join(' ')}`);
  expect(served.sort()).toEqual(wanted.sort());
});

describe.each(SURFACES)('P17: on the %s surface', (surface) => {
  test('a route of another one is as unknown as a made-up one', async () => {
    const ask = askerOn(surface);
    const foreign = ALL.filter(({ surfaces }) => !surfaces.includes(surface));
    expect(foreign.length).toBeGreaterThan(0);
    for (const { name, method, path } of foreign) {
      const [there, nowhere] = [await ask(method, path), await ask(method, '/v1/no-such-route')];
      expect([name, there.status]).toEqual([name, 404]);
      expect([name, told(there)]).toEqual([name, told(nowhere)]);
    }
  });

  test('its own routes answer', async () => {
    const ask = askerOn(surface);
    for (const { name, method, path, who } of ALL.filter(({ surfaces }) => surfaces.includes(surface))) {
      const answer = await ask(method, path, method === 'POST' ? {} : undefined);
      expect([name, [404, 405].includes(answer.status) && !OPEN_BUT_EMPTY.has(name)]).toEqual([name, false]);
      const refused = answer.status === 401 && codeOf(answer) === 'unauthenticated';
      expect([name, refused]).toEqual([name, who !== 'anybody']);
    }
  });
});

test('P17: who belongs to a tenant is nobody on the ops surface, who belongs to the platform nobody on the tenant’s', async () => {
  const operator = await keyOf(app.staff, 'admin');
  const strangers: readonly (readonly [Surface, string])[] = [
    ['ops', tenant.key],
    ['ops', await signedIn(app, tenant.id, 'owner')],
    ['tenant', operator],
    ['tenant', await signedIn(app, PLATFORM_TENANT_ID, 'owner')],
  ];
  for (const [surface, token] of strangers) {
    const ask = askerOn(surface, token);
    for (const { name, method, path } of ALL.filter(
      ({ who, surfaces }) => who !== 'anybody' && surfaces.includes(surface),
    )) {
      const answer = await ask(method, path, method === 'GET' ? undefined : {});
      expect([name, answer.status, codeOf(answer)]).toEqual([name, 401, 'unauthenticated']);
    }
  }
});

async function keyOf(by: Caller, role: 'admin' | 'auditor'): Promise<string> {
  return (await by<{ key: string }>('POST', '/v1/service-keys', { name: `a ${role}`, role })).body.key;
}

async function askersOn(surface: 'tenant' | 'ops'): Promise<Map<Kind, Asker>> {
  const tenantId = surface === 'ops' ? PLATFORM_TENANT_ID : tenant.id;
  const member = async (role: MemberRole, ageMs = 0) => askerOn(surface, await signedIn(app, tenantId, role, ageMs));
  const owner = callerOn(app.at[surface], await signedIn(app, tenantId, 'owner'));
  const askers = new Map<Kind, Asker>([
    ['nobody', askerOn(surface)],
    ['stale owner', await member('owner', FACTOR_STALE_MS)],
  ]);
  for (const role of PEOPLE) askers.set(role, await member(role));
  for (const role of ['admin', 'auditor'] as const)
    askers.set(`${role} key`, askerOn(surface, await keyOf(owner, role)));
  if (surface === 'tenant')
    askers.set('agent', (method, path, body) => agent.call(method, path, {}, method === 'HEAD' ? undefined : body));
  return askers;
}

/** What a kind of principal is told by the guard, and null when it is let through. */
function refusalOf(kind: Kind, who: Group): readonly [number, string] | null {
  if ((MAY[who] as readonly Kind[]).includes(kind)) return null;
  if (kind === 'nobody') return [401, 'unauthenticated'];
  const human = who === 'humans' || who === 'owners';
  if (human && kind === 'stale owner') return [403, 'factor_stale'];
  return [403, human && kind.endsWith(' key') ? 'human_required' : 'forbidden'];
}

/** These would do something, with an empty body too. */
const HAS_EFFECT = new Set(['POST /v1/logout', 'POST /v1/encryption-key/rotate', 'POST /v1/token-keys/rotate']);

describe.each(['tenant', 'ops'] as const)('who may call what on the %s surface', (surface) => {
  let askers: Map<Kind, Asker>;
  beforeAll(async () => void (askers = await askersOn(surface)));

  const routes = ALL.filter(({ surfaces, who }) => surfaces.includes(surface) && who !== 'anybody');
  test.each(routes)('$name: $who', async ({ name, method, path, who }) => {
    for (const [kind, ask] of askers) {
      const refusal = refusalOf(kind, who);
      if (refusal === null && HAS_EFFECT.has(name)) continue;
      const answer = await ask(method, path, method === 'GET' || method === 'DELETE' ? undefined : {});
      const refused = [401, 403].includes(answer.status) ? [answer.status, codeOf(answer)] : null;
      expect([kind, refused]).toEqual([kind, refusal]);
    }
  });
});
