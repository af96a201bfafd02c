import { type AppTenant, execute, expectStatus, startApp, storeCredential, type TestApp } from '../support/app.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { entriesOf } from '../support/chain-check.js';
import { callerOn, signedIn } from '../support/identity.js';

jest.setTimeout(60_000);

let app: TestApp;
let ours: AppTenant;
let theirs: AppTenant;
let agent: DpopAgent;
/** What another tenant has: a path's `{…}` is filled with it, or with an id that nobody has. */
let there: Record<'agt' | 'mem' | 'key' | 'ses' | 'brk' | 'name', string>;
beforeAll(async () => {
  app = await startApp();
  [ours, theirs] = [await app.newTenant(), await app.newTenant()];
  agent = await app.newAgent(ours, 'ours');
  await storeCredential(ours, 'ours', 'sk-live-0123456789abcdef', { grantTo: [agent] });
  const stranger = await app.newAgent(theirs, 'theirs');
  await storeCredential(theirs, 'theirs', 'sk-live-0123456789abcdef', { grantTo: [stranger] });
  const idOf = async (answer: Promise<{ body: { id?: string; data?: { id: string }[] } }>) => {
    const { body } = await answer;
    return body.id ?? body.data?.[0]?.id ?? '';
  };
  there = {
    agt: stranger.id,
    mem: await idOf(theirs.admin('GET', '/v1/members')),
    key: await idOf(theirs.admin('GET', '/v1/service-keys')),
    ses: await idOf(theirs.admin('GET', `/v1/agents/${stranger.id}/sessions`)),
    brk: await idOf(theirs.admin('POST', '/v1/brakes', { scope: 'agent', agent_id: stranger.id, reason: 'test' })),
    name: 'theirs',
  };
});
afterAll(() => app?.close());

const reason = 'test';
const CASES: readonly (readonly [method: string, path: string, body?: Record<string, unknown>])[] = [
  ['GET', '/v1/agents/{agt}'],
  ['GET', '/v1/agents/{agt}/sessions'],
  ['POST', '/v1/agents/{agt}/promote', { tier: 'PARTNER', reason }],
  ['POST', '/v1/agents/{agt}/demote', { tier: 'NOVICE', reason }],
  ['POST', '/v1/agents/{agt}/suspend', { reason }],
  ['POST', '/v1/agents/{agt}/reinstate', { reason }],
  ['POST', '/v1/agents/{agt}/revoke', { reason }],
  ['POST', '/v1/agents/{agt}/api-key', {}],
  ['POST', '/v1/sessions/{ses}/approve', {}],
  ['POST', '/v1/sessions/{ses}/revoke', { reason }],
  ['DELETE', '/v1/members/{mem}'],
  ['DELETE', '/v1/service-keys/{key}'],
  ['POST', '/v1/brakes/{brk}/clear', { reason }],
  ['POST', '/v1/brakes', { scope: 'agent', agent_id: '{agt}', reason }],
  ['POST', '/v1/brakes', { scope: 'credential', credential_name: '{name}', reason }],
  ['GET', '/v1/credentials/{name}'],
  ['POST', '/v1/credentials/{name}/rotate', { value: 'sk-live-0123456789abcdef' }],
  ['PUT', '/v1/credentials/{name}/binding', { allowed_domains: ['a.example'] }],
  ['PATCH', '/v1/credentials/{name}', { minimum_tier: 'NOVICE' }],
  ['DELETE', '/v1/credentials/{name}'],
  ['GET', '/v1/credentials/{name}/grants'],
  ['PUT', '/v1/credentials/{name}/grants/{agt}'],
  ['DELETE', '/v1/credentials/{name}/grants/{agt}'],
  ['PUT', '/v1/credentials/ours/grants/{agt}'],
  ['DELETE', '/v1/credentials/ours/grants/{agt}'],
];

/** An id no longer than theirs, so that no length tells them apart either. */
const nobodys = (kind: string, id: string): string =>
  kind === 'name' ? 'nobody' : `${kind}_${id.slice(kind.length + 1, -4)}0000`;

function filled(text: string, with_: 'theirs' | 'nobodys'): string {
  return text.replace(/\{(\w+)\}/g, (whole, kind: string) => {
    const id = there[kind as keyof typeof there];
    return id === undefined ? whole : with_ === 'theirs' ? id : nobodys(kind, id);
  });
}

/** Everything an answer tells, byte for byte, but for what is another every time and the id that was sent in. */
async function told(answer: Response): Promise<unknown> {
  const kept = [...answer.headers].filter(([name]) => !['x-request-id', 'date', 'ratelimit'].includes(name));
  const text = (await answer.text()).replace(/"request_id":"[^"]*"/, '');
  return { status: answer.status, kept, text };
}

test.each(CASES.map(([method, path, body]) => ({ method, path, body })))(
  'P19: $method $path: another tenant’s and nobody’s get the same bytes',
  async ({ method, path, body }) => {
    const token = await signedIn(app, ours.id, 'owner');
    const before = await entriesOf(app.open, ours.id);
    const ask = async (whose: 'theirs' | 'nobodys') =>
      told(
        await fetch(app.at.tenant + filled(path, whose), {
          method,
          headers: {
            authorization: `Bearer ${token}`,
            ...(body !== undefined && { 'content-type': 'application/json' }),
          },
          body: body === undefined ? null : filled(JSON.stringify(body), whose),
        }),
      );
    const answer = await ask('theirs');
    expect(answer).toMatchObject({ status: 404 });
    expect(answer).toEqual(await ask('nobodys'));
    expect(await entriesOf(app.open, ours.id)).toEqual(before);
  },
);

test('P19: nothing of the other tenant was changed by all that', async () => {
  const { body } = await theirs.admin('GET', `/v1/agents/${there.agt}`);
  expect(body).toMatchObject({ state: 'active', tier: 'COMPANION' });
  expect((await theirs.admin('GET', '/v1/brakes?active=true')).body).toMatchObject({ data: [{ id: there.brk }] });
  expect((await theirs.admin('GET', '/v1/credentials/theirs')).body).toMatchObject({
    version: 1,
    minimum_tier: 'COMPANION',
  });
});

test('P19: an agent that names another tenant’s credential is told what it is told of none', async () => {
  const use = async (name: string) => {
    const { status, body } = await execute(agent, name);
    return { status, body: { ...body, request_id: null, audit: null } };
  };
  const answer = await use('theirs');
  expect(answer).toMatchObject({ status: 404, body: { code: 'credential_not_found' } });
  expect(answer).toEqual(await use('nobody'));
});

test('P19: a tenant’s lists hold its own, and its cursors open nothing of another’s', async () => {
  for (const name of ['b', 'c']) await storeCredential(theirs, name, 'sk-live-0123456789abcdef');
  for (const path of [
    '/v1/agents',
    '/v1/credentials',
    '/v1/members',
    '/v1/service-keys',
    '/v1/brakes',
    '/v1/audit/entries',
  ]) {
    const { body } = await ours.admin('GET', path);
    const text = JSON.stringify(body);
    for (const id of Object.values(there).filter((one) => one.length > 10)) expect(text).not.toContain(id);
  }
  const { body: page } = await theirs.admin('GET', '/v1/credentials?limit=1');
  expect(page.next_cursor).toEqual(expect.any(String));
  const foreign = await ours.admin('GET', `/v1/credentials?cursor=${String(page.next_cursor)}`);
  expectStatus(foreign, 400);
  const made = await ours.admin('GET', `/v1/credentials?cursor=${'A'.repeat(String(page.next_cursor).length)}`);
  expect({ ...foreign.body, request_id: null }).toEqual({ ...made.body, request_id: null });
});

test('P19: a key of a tenant that is gone, a forged one and one of another tenant open nothing, in the same words', async () => {
  const revoked = await ours.admin<{ id: string; key: string }>('POST', '/v1/service-keys', {
    name: 'gone',
    role: 'admin',
  });
  expectStatus(await ours.admin('DELETE', `/v1/service-keys/${revoked.body.id}`), 204);
  const forged = `${ours.key.slice(0, -4)}${ours.key.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
  const answers = await Promise.all(
    [revoked.body.key, forged, `chy_sk_${'A'.repeat(107)}`, 'nonsense'].map(async (token) => {
      const { status, body } = await callerOn(app.at.tenant, token)('GET', '/v1/agents');
      return { status, body: { ...body, request_id: null } };
    }),
  );
  expect(answers[0]).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  for (const answer of answers) expect(answer).toEqual(answers[0]);
});
