import { newUuid } from '../../src/platform/ids.js';
import { startApp, type TestApp } from '../support/app.js';
import { signedIn } from '../support/identity.js';
import { type Operation, operations } from '../support/operations.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { bearer, dpop, type Furnished, furnish, type Raw } from '../support/strangers.js';

jest.setTimeout(600_000);

let app: TestApp;
let ours: Furnished;
let theirs: Furnished;
beforeAll(async () => {
  app = await startApp();
  [ours, theirs] = [await furnish(app), await furnish(app)];
});
afterAll(() => app?.close());

const READS = operations().filter(({ method, surfaces }) => method === 'GET' && surfaces.includes('tenant'));
const LISTS = READS.filter(({ hasCursor }) => hasCursor);

const pathOf = (operation: Operation, { named }: Furnished): string =>
  operation.inPath.reduce((at, { name, kind }) => at.replace(`{${name}}`, named[kind] ?? ''), operation.path);

/** Whatever names something of a tenant and stands in an answer to that tenant. */
function namesIn(texts: readonly string[]): Set<string> {
  return new Set(
    texts.flatMap((text) => text.match(/[a-z]{3}_[0-9a-f]{32}|c[0-9a-f]{32}|n[0-9a-f]{16}|[0-9a-f]{64}/g) ?? []),
  );
}

async function everythingRead(of: Furnished): Promise<string[]> {
  const texts: string[] = [];
  for (const operation of READS) {
    for (const asker of Object.values(of.askers)) {
      let cursor: string | null = '';
      while (cursor !== null) {
        const query = operation.hasCursor ? `?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}` : '';
        const answer: Raw = await asker.send('GET', pathOf(operation, of) + query);
        texts.push(answer.text.replace(/"request_id":"[^"]*"/, ''));
        const page =
          operation.hasCursor && answer.status === 200
            ? (JSON.parse(answer.text) as { next_cursor: string | null })
            : null;
        cursor = page?.next_cursor ?? null;
      }
    }
  }
  return texts;
}

test('P5: nothing of another tenant is in anything that can be read, whoever reads', async () => {
  const [own, foreign] = [namesIn(await everythingRead(ours)), namesIn(await everythingRead(theirs))];
  for (const kind of ['agt', 'ses', 'mem', 'key', 'brk', 'whk', 'dlv', 'name', 'tenant']) {
    expect([kind, own.has(ours.named[kind] ?? ''), foreign.has(theirs.named[kind] ?? '')]).toEqual([kind, true, true]);
  }
  // Both read the same papers, and who of the operator's staff made them: that name stands in both chains.
  const { admin } = ours.askers;
  const papers = [(await admin.send('GET', '/openapi.json')).text, (await admin.send('GET', '/reference')).text];
  const { id: staff } = (await app.staff<{ id: string }>('GET', '/v1/whoami')).body;
  const known = namesIn([...papers, staff]);
  const shared = [...own].filter((name) => foreign.has(name) && !known.has(name));
  expect(shared).toEqual([]);
});

test.each(LISTS.map((operation) => [operation.route, operation] as const))(
  'P5: %s: a cursor of one tenant is refused for another',
  async (_, operation) => {
    const asker = operation.route === 'GET /v1/granted-credentials' ? 'agent' : 'admin';
    const first = await theirs.askers[asker].send('GET', `${pathOf(operation, theirs)}?limit=1`);
    const { next_cursor: cursor } = JSON.parse(first.text) as { next_cursor: string | null };
    expect(cursor).toEqual(expect.any(String)); // `furnish` makes two of everything
    const next = await theirs.askers[asker].send('GET', `${pathOf(operation, theirs)}?limit=1&cursor=${cursor}`);
    expect(next.status).toBe(200);
    const refused = await ours.askers[asker].send('GET', `${pathOf(operation, ours)}?limit=1&cursor=${cursor}`);
    expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
      400,
      { code: 'invalid_request', issues: [{ path: 'cursor' }] },
    ]);
  },
);

/** The one such route that people have no business at. */
const OF_AGENTS = 'POST /v1/access-requests';
/** What each route that keeps answers is sent; one that is not in here fails the test. */
const CREATES: Readonly<Record<string, (of: Furnished) => unknown>> = {
  [OF_AGENTS]: () => ({ credential_name: newUuid(), reason: 'test' }),
  'POST /v1/agents': () => ({ name: `a${newUuid()}` }),
  'POST /v1/agents/{id}/api-key': () => ({}),
  'POST /v1/brakes': () => ({ scope: 'tenant', reason: 'test' }),
  'POST /v1/credentials': () => ({
    name: newUuid(),
    value: 'sk-live-0123456789abcdef',
    allowed_domains: ['a.example'],
  }),
  'POST /v1/members': () => ({ email: `${newUuid()}@example.com`, role: 'auditor' }),
  'POST /v1/service-keys': () => ({ name: 'made', role: 'auditor' }),
  'POST /v1/webhooks': () => ({ url: 'https://a.example/hook', events: ['*'] }),
  'POST /v1/webhooks/{id}/rotate-secret': () => ({}),
  'POST /v1/webhooks/{id}/test': () => undefined,
};
const KEEPERS = operations().filter(({ keepsAnswers, surfaces }) => keepsAnswers && surfaces.includes('tenant'));

test('P5: openapi.json has no route that keeps answers and is not tried below', () => {
  expect(KEEPERS.map(({ route }) => route).sort()).toEqual(Object.keys(CREATES).sort());
});

test.each(KEEPERS.map((operation) => [operation.route, operation] as const))(
  'P5: %s: an Idempotency-Key answers who used it first, and nobody else',
  async (route, operation) => {
    const body = CREATES[route]?.(ours);
    const headers = { 'idempotency-key': newUuid() };
    const [one, colleagueOfOne] = ours.agents as [DpopAgent, DpopAgent];
    const people =
      route === OF_AGENTS
        ? ([dpop('one', one), theirs.askers.agent, dpop('a colleague', colleagueOfOne)] as const)
        : ([
            ours.askers.owner,
            theirs.askers.owner,
            bearer('another owner', app.at.tenant, await signedIn(app, ours.tenant.id, 'owner')),
          ] as const);
    const post = (who: (typeof people)[number], of: Furnished) =>
      who.send('POST', pathOf(operation, of), body, headers);
    const replayed = ({ headers: sent }: Raw) => sent.some(([name]) => name === 'idempotency-replayed');

    const first = await post(people[0], ours);
    expect([first.status, replayed(first)]).toEqual([201, false]);
    const foreign = await post(people[1], theirs);
    expect([foreign.status, replayed(foreign)]).toEqual([201, false]);
    expect(idIn(foreign)).not.toBe(idIn(first));
    const colleague = await post(people[2], ours);
    expect(replayed(colleague)).toBe(false);

    const again = await post(people[0], ours);
    expect([again.status, replayed(again), idIn(again)]).toEqual([201, true, idIn(first)]);
    // What is shown once is not shown to who finds the key in a log either.
    const secret = /"(api_key|key|password|otpauth_uri|secret)"/;
    expect(again.text.includes('"secret_shown_once":true')).toBe(secret.test(first.text));
    expect(again.text).not.toMatch(secret);
    const nobody = await post(route === OF_AGENTS ? ours.askers.owner : ours.askers.agent, ours);
    expect([nobody.status, replayed(nobody)]).toEqual([403, false]);
  },
);

const idIn = ({ text }: Raw): unknown => (JSON.parse(text) as { id?: unknown }).id;
