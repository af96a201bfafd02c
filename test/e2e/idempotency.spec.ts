import { type AppTenant, execute, expectStatus, startApp, storeCredential, type TestApp } from '../support/app.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { entriesOf } from '../support/chain-check.js';
import { PLATFORM_TENANT_ID } from '../../src/platform/ids.js';
import { asSuperuser } from '../support/database.js';
import { type Caller, callerOn, signedIn } from '../support/identity.js';

jest.setTimeout(60_000);

let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
let hook: string;
let count = 0;
beforeAll(async () => {
  // No job writes an entry while they are counted.
  app = await startApp({ env: { CHANCERY_JOBS: 'off' } });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'scribe');
  const made = await tenant.admin<{ id: string }>('POST', '/v1/webhooks', HOOK);
  expectStatus(made, 201);
  hook = made.body.id;
});
afterAll(() => app?.close());

const HOOK = { url: 'https://hooks.example/', events: ['*'] };
const VALUE = 'sk-live-0123456789abcdef';
const DAY_MS = 24 * 60 * 60_000;

interface Creation {
  readonly route: string;
  readonly path: () => string;
  /** A body of its own for each number. */
  readonly body: (n: number) => Record<string, unknown>;
  /** Two who may call it. */
  readonly by: () => Promise<readonly [Caller, Caller]>;
  readonly chain: () => string;
  /** Fields that are shown once. */
  readonly secrets: readonly string[];
}

const ours = () => tenant.id;
const people = async (tenantId: string) => {
  const at = tenantId === PLATFORM_TENANT_ID ? app.at.ops : app.at.tenant;
  return [
    callerOn(at, await signedIn(app, tenantId, 'owner')),
    callerOn(at, await signedIn(app, tenantId, 'owner')),
  ] as const;
};
const ourPeople = () => people(tenant.id);
const asAgent =
  (who: DpopAgent): Caller =>
  (method, path, body, headers) =>
    who.call(method, path, headers, body) as never;

/** Every route that creates, on every surface it has. */
const CREATIONS: readonly Creation[] = [
  {
    route: 'POST /v1/agents',
    path: () => '/v1/agents',
    body: (n) => ({ name: `agent-${n}` }),
    by: ourPeople,
    chain: ours,
    secrets: ['api_key'],
  },
  {
    route: 'POST /v1/agents/{id}/api-key',
    path: () => `/v1/agents/${agent.id}/api-key`,
    body: () => ({}),
    by: ourPeople,
    chain: ours,
    secrets: ['api_key'],
  },
  {
    route: 'POST /v1/credentials',
    path: () => '/v1/credentials',
    body: (n) => ({ name: `key-${n}`, value: VALUE, allowed_domains: ['a.example'] }),
    by: ourPeople,
    chain: ours,
    secrets: [],
  },
  {
    route: 'POST /v1/brakes',
    path: () => '/v1/brakes',
    body: (n) => ({ scope: 'agent', agent_id: agent.id, reason: `reason ${n}` }),
    by: ourPeople,
    chain: ours,
    secrets: [],
  },
  {
    route: 'POST /v1/service-keys',
    path: () => '/v1/service-keys',
    body: (n) => ({ name: `key-${n}`, role: 'auditor' }),
    by: ourPeople,
    chain: ours,
    secrets: ['key'],
  },
  {
    route: 'POST /v1/members',
    path: () => '/v1/members',
    body: (n) => ({ email: `m${n}@example.com`, role: 'auditor' }),
    by: ourPeople,
    chain: ours,
    secrets: ['password', 'otpauth_uri'],
  },
  {
    route: 'POST /v1/webhooks',
    path: () => '/v1/webhooks',
    body: (n) => ({ ...HOOK, description: `hook ${n}` }),
    by: ourPeople,
    chain: ours,
    secrets: ['secret'],
  },
  {
    route: 'POST /v1/webhooks/{id}/rotate-secret',
    path: () => `/v1/webhooks/${hook}/rotate-secret`,
    body: () => ({}),
    by: ourPeople,
    chain: ours,
    secrets: ['secret'],
  },
  {
    route: 'POST /v1/webhooks/{id}/test',
    path: () => `/v1/webhooks/${hook}/test`,
    body: () => ({}),
    by: ourPeople,
    chain: ours,
    secrets: [],
  },
  {
    route: 'POST /v1/access-requests',
    path: () => '/v1/access-requests',
    body: (n) => ({ credential_name: `key-${n}`, reason: 'test' }),
    by: async () =>
      [asAgent(await app.newAgent(tenant, 'asker')), asAgent(await app.newAgent(tenant, 'asker-too'))] as const,
    chain: ours,
    secrets: [],
  },
  {
    route: 'POST /v1/token-keys/rotate',
    path: () => '/v1/token-keys/rotate',
    body: () => ({}),
    by: () => people(PLATFORM_TENANT_ID),
    chain: () => PLATFORM_TENANT_ID,
    secrets: [],
  },
  {
    route: 'POST /v1/tenants',
    path: () => '/v1/tenants',
    body: (n) => ({ namespace: `idem${n}`, name: 'A tenant', owner_email: 'o@example.com' }),
    by: () => people(PLATFORM_TENANT_ID),
    chain: () => PLATFORM_TENANT_ID,
    secrets: ['owner.password', 'owner.otpauth_uri', 'service_key.key'],
  },
];

const at = (body: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], body);

test('the table is every POST that takes an Idempotency-Key', async () => {
  const answer = await fetch(`${app.at.tenant}/openapi.json`);
  const { paths } = (await answer.json()) as {
    paths: Record<string, Record<string, { parameters?: { name: string }[] }>>;
  };
  const takes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { parameters }]) => parameters?.some(({ name }) => name === 'Idempotency-Key'))
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  );
  expect(takes.sort()).toEqual(CREATIONS.map(({ route }) => route).sort());
});

describe.each(CREATIONS)('$route', ({ path, body, by, chain, secrets }) => {
  let one: Caller;
  let other: Caller;
  beforeAll(async () => void ([one, other] = await by()));
  const key = () => ({ 'idempotency-key': `key-${(count += 1)}` });

  test('a repetition does nothing and is given the first answer, without what was shown once', async () => {
    const [headers, json] = [key(), body((count += 1))];
    const first = await one('POST', path(), json, headers);
    expect(first.status).toBeLessThan(300);
    for (const secret of secrets) expect(at(first.body, secret)).toEqual(expect.any(String));
    const entries = (await entriesOf(app.open, chain())).length;
    const again = await one('POST', path(), json, headers);
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([first.status, 'true']);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    for (const secret of secrets) expect(at(again.body, secret)).toBeUndefined();
    expect(again.body.secret_shown_once).toBe(secrets.length > 0 ? true : undefined);
    const { secret_shown_once: _, ...rest } = again.body;
    expect(first.body).toMatchObject(rest);
    expect(await entriesOf(app.open, chain())).toHaveLength(entries);
    await expectNoSecretKept(first.body, secrets);
  });

  test('another body under the same key is 422, and does nothing', async () => {
    const headers = key();
    expect((await one('POST', path(), body((count += 1)), headers)).status).toBeLessThan(300);
    const entries = (await entriesOf(app.open, chain())).length;
    const changed = { ...body((count += 1)), name: 'another' };
    const answer = await one('POST', path(), changed, headers);
    // What the body's schema refuses was never an act under this key.
    expect([422, 400]).toContain(answer.status);
    expect(answer.body.code).toBe(answer.status === 422 ? 'idempotency_mismatch' : 'invalid_request');
    expect(await entriesOf(app.open, chain())).toHaveLength(entries);
  });

  test('the key is the principal’s own', async () => {
    const headers = key();
    expect((await one('POST', path(), body((count += 1)), headers)).status).toBeLessThan(300);
    const theirs = await other('POST', path(), body((count += 1)), headers);
    expect(theirs.status).toBeLessThan(300);
    expect(theirs.headers.get('idempotency-replayed')).toBeNull();
  });

  test('of many at once one acts, and the others are told 409 or given its answer', async () => {
    const [headers, json] = [key(), body((count += 1))];
    const before = (await entriesOf(app.open, chain())).length;
    const answers = await Promise.all(Array.from({ length: 6 }, () => one('POST', path(), json, headers)));
    const acted = answers.filter(
      (answer) => answer.status < 300 && answer.headers.get('idempotency-replayed') === null,
    );
    const waiting = answers.filter(({ status }) => status === 409);
    expect(acted).toHaveLength(1);
    for (const { body: told } of waiting) expect(told.code).toBe('idempotency_in_progress');
    const replayed = answers.filter((answer) => answer.headers.get('idempotency-replayed') === 'true');
    expect(acted.length + waiting.length + replayed.length).toBe(answers.length);
    expect((await entriesOf(app.open, chain())).length - before).toBeLessThanOrEqual(1);
  });
});

/** Only status, id and the view without secrets are kept (and a MAC of the body, not the body). */
async function expectNoSecretKept(body: unknown, secrets: readonly string[]): Promise<void> {
  const kept = await asSuperuser(app.database.adminUrl, async (client) => {
    const { rows } = await client.query('select * from chancery.idempotency_keys');
    return JSON.stringify(rows);
  });
  for (const secret of [...secrets.map((path) => String(at(body, path))), VALUE]) expect(kept).not.toContain(secret);
}

test('what failed may be tried again under the same key', async () => {
  const headers = { 'idempotency-key': 'failed-first' };
  expectStatus(await tenant.admin('POST', '/v1/agents', { name: 'scribe' }, headers), 409);
  expectStatus(await tenant.admin('POST', '/v1/agents', { name: 'scribe-2' }, headers), 201);
});

test('a key counts for a day', async () => {
  const headers = { 'idempotency-key': 'a-day' };
  expectStatus(await tenant.admin('POST', '/v1/agents', { name: 'of-the-day' }, headers), 201);
  app.clock.aheadMs = DAY_MS - 60_000;
  expect(
    (await tenant.admin('POST', '/v1/agents', { name: 'of-the-day' }, headers)).headers.get('idempotency-replayed'),
  ).toBe('true');
  app.clock.aheadMs = DAY_MS + 60_000;
  expectStatus(await tenant.admin('POST', '/v1/agents', { name: 'of-the-day' }, headers), 409);
  app.clock.aheadMs = 0;
});

test.each(['', 'a b', 'ä', 'a'.repeat(129)])('%j is no key', async (key) => {
  const send = tenant.admin('POST', '/v1/agents', { name: `bad-${(count += 1)}` }, { 'idempotency-key': key });
  const { status } = await send.catch(() => ({ status: 400 }));
  expect(status).toBe(400);
});

test('a use of a credential takes no key: each is its own', async () => {
  const worker = await app.newAgent(tenant, 'worker');
  await storeCredential(tenant, 'used', VALUE, { grantTo: [worker] });
  const call = () =>
    worker.call(
      'POST',
      '/v1/credentials/used/execute',
      { 'idempotency-key': 'same' },
      {
        purpose: 'test',
        request: { method: 'GET', url: 'https://api.upstream.test/', headers: { authorization: '{{CREDENTIAL}}' } },
      },
    );
  const [first, second] = [await call(), await call()];
  expect([first.status, second.status]).toEqual([200, 200]);
  expect(second.headers.get('idempotency-replayed')).toBeNull();
  expect((await execute(worker, 'used')).status).toBe(200);
});
