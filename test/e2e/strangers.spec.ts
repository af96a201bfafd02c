import { asSuperuser } from '../support/database.js';
import { startApp, type TestApp, UPSTREAM_URL } from '../support/app.js';
import { tenantTables } from '../support/fill-tables.js';
import { signedIn } from '../support/identity.js';
import { judgeNobody } from '../support/judge-nobody.js';
import { type NamingField, type Operation, operations } from '../support/operations.js';
import { type Asker, bearer, client, type Furnished, furnish, nobodys, type Raw } from '../support/strangers.js';
import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';

jest.setTimeout(600_000);

/** Routes whose path names nothing of any tenant. */
const NAMES_NOTHING = new Set(['GET /errors/{code}', 'GET /reference/{file}']);
/** Takes any name as it is typed, and answers as if there were none: test/e2e/approvals.spec.ts. */
const TAKES_ANY_NAME = new Set(['POST /v1/access-requests']);
/** What is sent besides the names. A route with a body is in here, or the test fails. */
const reason = 'test';
const BODIES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'POST /v1/agents/{id}/promote': { tier: 'PARTNER', reason },
  'POST /v1/agents/{id}/demote': { tier: 'NOVICE', reason },
  'POST /v1/agents/{id}/suspend': { reason },
  'POST /v1/agents/{id}/reinstate': { reason },
  'POST /v1/agents/{id}/revoke': { reason },
  'POST /v1/agents/{id}/api-key': {},
  'POST /v1/sessions/{id}/approve': {},
  'POST /v1/sessions/{id}/revoke': {},
  'POST /v1/approvals/{id}/approve': { reason },
  'POST /v1/approvals/{id}/refuse': { reason },
  'POST /v1/brakes/{id}/clear': { reason },
  'POST /v1/brakes agent_id': { scope: 'agent', reason },
  'POST /v1/brakes credential_name': { scope: 'credential', reason },
  'POST /v1/credentials/{name}/rotate': { value: 'sk-live-0123456789abcdef' },
  'PUT /v1/credentials/{name}/binding': { allowed_domains: ['a.example'] },
  'PATCH /v1/credentials/{name}': { minimum_tier: 'NOVICE' },
  'POST /v1/credentials/{name}/execute': {
    purpose: 'test',
    request: { method: 'GET', url: `${UPSTREAM_URL}/`, headers: { authorization: 'Bearer {{CREDENTIAL}}' } },
  },
  'PATCH /v1/webhooks/{id}': { description: 'test' },
  'POST /v1/webhooks/{id}/rotate-secret': {},
  'POST /v1/webhooks/{id}/replay': { since: '2026-01-01T00:00:00Z' },
  'POST /v1/login tenant': { email: 'owner@example.com', password: 'not the password', totp: '000000' },
  'POST /oauth/token client_id': { grant_type: 'client_credentials' },
  'POST /oauth/revoke client_id': { token: 'any' },
};
/** What says "there is none such"; elsewhere it is 404. */
const REFUSED_WITH: Readonly<Record<string, number>> = {
  'POST /v1/login': 401,
  'POST /oauth/token': 400,
  'POST /oauth/revoke': 400,
};

interface Case {
  readonly title: string;
  readonly operation: Operation;
  /** Which of the names are a stranger's; the others are one's own. */
  readonly strange: readonly NamingField[];
}

const tenantRoutes = operations().filter(({ surfaces }) => surfaces.some((surface) => surface !== 'public'));
const CASES: readonly Case[] = tenantRoutes
  .filter(({ route }) => !NAMES_NOTHING.has(route) && !TAKES_ANY_NAME.has(route))
  .flatMap((operation) => {
    const { inPath, inBody, route } = operation;
    const choices = [
      ...inPath.map((field) => [field]),
      ...(inPath.length > 1 ? [inPath] : []),
      ...inBody.map((field) => [field]),
    ];
    return choices.map((strange) => {
      const title = `${route} ${strange.map(({ name }) => name).join(' and ')}`;
      return { title, operation, strange };
    });
  });

let app: TestApp;
let ours: Furnished;
let theirs: Furnished;
let everybody: readonly Asker[];
beforeAll(async () => {
  // The jobs run once, at the start: what they remember of a tenant would be taken for something a stranger did to it.
  app = await startApp({ env: { JOBS_EVERY_MS: '3600000' } });
  judgeNobody(app.app);
  [ours, theirs] = [await furnish(app), await furnish(app)];
  const { admin, auditor, owner, agent } = ours.askers;
  everybody = [admin, auditor, owner, agent, bearer('nobody', app.at.tenant, undefined)];
});
afterAll(() => app?.close());

const bodyFixture = ({ operation: { route }, strange }: Case): Readonly<Record<string, unknown>> | undefined =>
  BODIES[route] ?? BODIES[`${route} ${strange[0]?.name}`];

test('P19: openapi.json has no route with a name in it that this file does not know how to ask', () => {
  expect(CASES.length).toBeGreaterThan(25);
  const unknown = CASES.filter((one) => {
    const known = one.strange.every(({ kind }) => (ours.named[kind] ?? '') !== '');
    return !known || (one.operation.body !== undefined && bodyFixture(one) === undefined);
  });
  expect(unknown.map(({ title }) => title)).toEqual([]);
});

function askersOf({ operation: { route, body } }: Case): readonly Asker[] {
  if (body !== 'application/x-www-form-urlencoded') return everybody;
  const [agent] = ours.agents;
  if (agent === undefined) throw new Error(`${route} needs an agent`);
  return [client('agent at the token endpoint', agent)];
}

/** Asks with the strange names filled in by `name`, the rest by our own. */
async function ask(one: Case, asker: Asker, name: (field: NamingField) => string): Promise<Raw> {
  const { operation, strange } = one;
  const filled = (field: NamingField): string =>
    strange.includes(field) ? name(field) : (ours.named[field.kind] ?? '');
  const sent = operation.inPath.map((field) => [`{${field.name}}`, filled(field)] as const);
  const path = sent.reduce((at, [place, value]) => at.replace(place, value), operation.path);
  const inBody = operation.inBody
    .filter((field) => strange.includes(field))
    .map((field) => [field.name, filled(field)]);
  const fixture = bodyFixture(one);
  const body = fixture === undefined ? undefined : { ...fixture, ...(Object.fromEntries(inBody) as object) };
  return asker.send(operation.method, path, body);
}

const NEW_EACH_TIME = ['x-request-id', 'date', 'ratelimit', 'dpop-nonce'];
/** What the answer tells, without what is new each time: also the place in one's own chain where a denial stands. */
function told({ status, headers, text }: Raw, names: readonly string[]): unknown {
  const own = text.replace(/"request_id":"[^"]*"/, '').replace(/"audit":\{[^}]*\}/, '"audit":{}');
  const withoutNames = names.reduce((all, name) => all.replaceAll(name, 'NAME'), own);
  // An answer to HEAD has the length of a text that is not there to be seen.
  const denied = text.includes('"audit":{') || text === '';
  const skipped = denied ? [...NEW_EACH_TIME, 'content-length'] : NEW_EACH_TIME;
  return { status, headers: headers.filter(([name]) => !skipped.includes(name)), text: withoutNames };
}

const theirsIs = (field: NamingField): string => theirs.named[field.kind] ?? '';
const nobodysIs = (field: NamingField): string => nobodys(field.kind, theirsIs(field));

test.each(CASES.map((one) => [one.title, one] as const))(
  'P19: %s: a stranger’s and nobody’s get the same bytes',
  async (_, one) => {
    const before = await rowsOf(theirs);
    const statuses: number[] = [];
    for (const asker of askersOf(one)) {
      const names: string[] = [];
      const remembered = (of: (field: NamingField) => string) => (field: NamingField) => {
        names.push(of(field));
        return names.at(-1) ?? '';
      };
      const strange = await ask(one, asker, remembered(theirsIs));
      const nobody = await ask(one, asker, remembered(nobodysIs));
      expect([asker.who, told(strange, names)]).toEqual([asker.who, told(nobody, names)]);
      statuses.push(strange.status);
    }
    // Somebody got as far as the look-up, and nobody got further.
    expect(statuses).toContain(REFUSED_WITH[one.operation.route] ?? 404);
    expect(statuses.filter((status) => status < 400)).toEqual([]);
    expect(await rowsOf(theirs)).toEqual(before);
  },
);

/** Everything a tenant has, as one number a table. */
function rowsOf({ tenant }: Furnished): Promise<unknown> {
  return asSuperuser(app.database.adminUrl, async (admin) => {
    const all: unknown[] = [];
    for (const table of await tenantTables(admin)) {
      const sql = `select $2 as table, md5(string_agg(t::text, ',' order by t::text)) as rows from chancery.${table} t where tenant_id = $1`;
      all.push(...(await admin.query(sql, [tenant.id, table])).rows);
    }
    return all;
  });
}

test('P19: staff that names something of a tenant on the ops surface is told the same of it as of nothing', async () => {
  const staff = bearer('staff', app.at.ops, await signedIn(app, PLATFORM_TENANT_ID, 'owner'));
  const onOps = CASES.filter(({ operation }) => operation.surfaces.includes('ops') && operation.inPath.length > 0);
  expect(onOps.length).toBeGreaterThanOrEqual(3);
  for (const one of onOps) {
    const strange = await ask(one, staff, theirsIs);
    expect([one.title, strange.status]).toEqual([one.title, 404]);
    expect([one.title, told(strange, [])]).toEqual([one.title, told(await ask(one, staff, nobodysIs), [])]);
  }
});

test('everybody who asked was somebody', async () => {
  for (const asker of Object.values(ours.askers))
    expect([asker.who, (await asker.send('GET', '/v1/whoami')).status]).toEqual([asker.who, 200]);
});

/** First few, then more of those that look apart; many of each in `npm run test:long`. */
const PAIRS = process.env.CHANCERY_TEST_LONG === '1' ? [200] : [15, 45, 120, 360];
const RATIO_MAX = 1.25;
const SLACK_MS = 2;
/** A few seconds on a machine of its own. */
const TIMING_WITHIN_MS = 600_000;
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** Both in turn, so that what else the machine does meets both. */
async function timed(one: Case, asker: Asker, pairs: number): Promise<{ theirs: number; nobodys: number }> {
  const times = { theirs: [] as number[], nobodys: [] as number[] };
  for (let i = 0; i < pairs; i += 1) {
    const turns = [
      async () => times.theirs.push((await ask(one, asker, theirsIs)).ms),
      async () => times.nobodys.push((await ask(one, asker, nobodysIs)).ms),
    ];
    for (const turn of i % 2 === 0 ? turns : turns.reverse()) await turn();
  }
  return { theirs: median(times.theirs), nobodys: median(times.nobodys) };
}

test(
  'P19: a stranger’s and nobody’s take the same time',
  async () => {
    const lines: string[] = [];
    const apart: string[] = [];
    for (const one of CASES) {
      // A namespace is public: a sign-in looks for the person in a tenant that exists.
      if (one.operation.route === 'POST /v1/login') continue;
      const asker = await whoReaches(one);
      const isApart = ({ theirs: a, nobodys: b }: { theirs: number; nobodys: number }) =>
        Math.abs(a - b) > SLACK_MS + (RATIO_MAX - 1) * Math.min(a, b);
      let times = { theirs: 0, nobodys: 0 };
      for (const pairs of PAIRS) {
        times = await timed(one, asker, pairs);
        if (!isApart(times)) break;
      }
      const said = `${one.title}: ${times.theirs.toFixed(2)} ms / ${times.nobodys.toFixed(2)} ms = ${(times.theirs / times.nobodys).toFixed(2)}`;
      lines.push(said);
      if (isApart(times)) apart.push(said);
    }
    process.stderr.write(
      `medians of ${PAIRS.join(' or ')} interleaved pairs, a stranger’s / nobody’s:\n${lines.join('\n')}\n`,
    );
    expect(apart).toEqual([]);
  },
  TIMING_WITHIN_MS,
);

async function whoReaches(one: Case): Promise<Asker> {
  for (const asker of askersOf(one)) {
    const { status } = await ask(one, asker, nobodysIs);
    if (status === (REFUSED_WITH[one.operation.route] ?? 404)) return asker;
  }
  throw new Error(`nobody reaches ${one.title}`);
}
