import { Outbound } from '../../src/platform/outbound/outbound.js';
import { type AppTenant, execute, expectStatus, startApp, type TestApp, UPSTREAM_URL } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import { asSuperuser } from '../support/database.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { UPSTREAM_HOST } from '../support/hostile-upstream.js';
import { judgeNobody } from '../support/judge-nobody.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(60_000);

const PASSWORD = 'p4ss:w0rd/0123456789+&"';
const NEW_PASSWORD = 'n3w:w0rd/9876543210+&"';
const TOKEN = 'tok-live-0123456789abcdef';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const ACCOUNT = { fields: { username: 'bot', password: PASSWORD }, public_fields: ['username'] };

const upstream = new ScriptedUpstream();
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
let count = 0;
beforeAll(async () => {
  app = await startApp({ upstream: upstream.listener });
  judgeNobody(app.app);
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'scribe', 'GUARDIAN');
});
afterAll(async () => {
  // P1, ATTACKS 34
  const told = JSON.stringify([app.logged, await entriesOf(app.open, tenant.id)]);
  for (const secret of [PASSWORD, NEW_PASSWORD, TOKEN, base64(`bot:${PASSWORD}`)]) expect(told).not.toContain(secret);
  await app?.close();
});

const post = (body: Record<string, unknown>) =>
  tenant.admin('POST', '/v1/credentials', { name: 'refused', allowed_domains: [UPSTREAM_HOST], ...body });

/** A credential of a test's own, granted to the agent. */
async function credential(body: Record<string, unknown>): Promise<string> {
  count += 1;
  const name = `key-${count}`;
  expectStatus(await post({ name, ...body }), 201);
  expectStatus(await tenant.admin('PUT', `/v1/credentials/${name}/grants/${agent.id}`), 200);
  return name;
}

const shown = async (name: string) => (await tenant.admin('GET', `/v1/credentials/${name}`)).body;
/** The code a use is answered with, or 200. */
async function use(name: string, request: Record<string, unknown>, more = {}): Promise<unknown> {
  const { status, body } = await execute(agent, name, { headers: {}, ...request }, more);
  return status === 200 ? 200 : `${status} ${String(body.code)}`;
}
const last = () => upstream.received.at(-1);

describe('a credential of several fields', () => {
  let account: string;
  beforeAll(async () => void (account = await credential(ACCOUNT)));

  test('is shown by the names of its fields', async () => {
    expect(await shown(account)).toMatchObject({
      fields: [
        { name: 'password', public: false },
        { name: 'username', public: true },
      ],
      injection: null,
      approval: 'none',
      limits: { per_minute: null },
      methods: null,
      flags: [],
    });
    expect(JSON.stringify(await shown(account))).not.toContain(PASSWORD);
  });

  test.each([
    ['Basic', { headers: { authorization: 'Basic {{CREDENTIAL.basic}}' } }, `Basic ${base64(`bot:${PASSWORD}`)}`],
    ['a header', { headers: { authorization: '{{CREDENTIAL.username}}={{CREDENTIAL.password}}' } }, `bot=${PASSWORD}`],
  ])('ATTACKS 24: each field is written for its place: %s', async (_, request, authorization) => {
    expect(await use(account, request)).toBe(200);
    expect(last()?.headers.authorization).toBe(authorization);
  });

  test('ATTACKS 24: each field is written for its place: path, query, form, JSON', async () => {
    const url = `${UPSTREAM_URL}/{{CREDENTIAL.username}}/{{CREDENTIAL.password}}?k={{CREDENTIAL.basic}}`;
    const encoded = encodeURIComponent(PASSWORD);
    expect(await use(account, { url })).toBe(200);
    expect(last()?.target).toBe(`/bot/${encoded}?k=${encodeURIComponent(base64(`bot:${PASSWORD}`))}`);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const form = 'username={{CREDENTIAL.username}}&password={{CREDENTIAL.password}}';
    expect(await use(account, { method: 'POST', headers, body: form })).toBe(200);
    expect(last()?.body).toBe(`username=bot&password=${encoded}`);
    const body = { login: ['{{CREDENTIAL.username}}', '{{CREDENTIAL.password}}'] };
    expect(await use(account, { method: 'POST', body })).toBe(200);
    expect(JSON.parse(last()?.body ?? '')).toEqual({ login: ['bot', PASSWORD] });
  });

  test('P1: the secret field, Basic and both joined are redacted, the public field is not', async () => {
    upstream.on('/echo', (request, response) => {
      response.end(`bot ${PASSWORD} bot:${PASSWORD} ${request.headers.authorization} ${base64(PASSWORD)} bot`);
    });
    const request = { url: `${UPSTREAM_URL}/echo`, headers: { authorization: 'Basic {{CREDENTIAL.basic}}' } };
    const { body } = await execute(agent, account, request);
    expect(body.body).toBe('bot [redacted] [redacted] Basic [redacted] [redacted] bot');
  });

  test.each([
    ['{{CREDENTIAL.token}}', 'has no field'],
    ['{{CREDENTIAL}}', 'has fields'],
  ])('P2: %s is refused after all that protects it, with nothing decrypted and no field named', async (slot, why) => {
    const sent = jest.spyOn(app.app.get(Outbound, { strict: false }), 'send');
    const answer = await execute(agent, account, { headers: { authorization: slot } });
    expect(answer.body).toMatchObject({ code: 'template_refused', detail: expect.stringContaining(why) });
    expect(answer.body.detail).not.toMatch(/username|password/);
    expect(sent).not.toHaveBeenCalled();
    sent.mockRestore();
    const { seq } = answer.body.audit as { seq: number };
    const entry = (await entriesOf(app.open, tenant.id)).find((one) => one.entry.seq === seq)?.entry;
    expect(entry).toMatchObject({ outcome: 'denied', details: { code: 'template_refused' } });
    expect(await use(account, { url: 'https://evil.example/', headers: { authorization: slot } })).toBe(
      '403 domain_not_allowed',
    );
  });

  test('a field is refused on a credential that is one value', async () => {
    const name = await credential({ value: TOKEN });
    expect(await use(name, { headers: { a: '{{CREDENTIAL.basic}}' } })).toBe('400 template_refused');
  });

  test('a rotation replaces the same fields; the old ones stay usable by number, and what is public stays so', async () => {
    const name = await credential(ACCOUNT);
    const rotate = (body: object) => tenant.admin('POST', `/v1/credentials/${name}/rotate`, body);
    for (const wrong of [
      { value: TOKEN },
      { fields: { password: NEW_PASSWORD } },
      { fields: { user: 'a', password: NEW_PASSWORD } },
    ]) {
      const refused = await rotate(wrong);
      expect([refused.status, refused.body.code]).toEqual([409, 'fields_mismatch']);
    }
    const fields = { username: 'bot2', password: NEW_PASSWORD };
    expect((await rotate({ fields, grace_seconds: 60 })).body).toMatchObject({
      version: 2,
      fields: [
        { name: 'password', public: false },
        { name: 'username', public: true },
      ],
    });
    const headers = { a: '{{CREDENTIAL.username}}:{{CREDENTIAL.password}}' };
    expect(await use(name, { headers })).toBe(200);
    expect(last()?.headers.a).toBe(`bot2:${NEW_PASSWORD}`);
    expect(await use(name, { headers }, { version: 1 })).toBe(200);
    expect(last()?.headers.a).toBe(`bot:${PASSWORD}`);
  });

  test.each([
    ['a short secret', { fields: { username: 'bot', password: PASSWORD } }, 'secret_too_short'],
    ['both forms', { value: TOKEN, fields: { token: TOKEN } }, 'invalid_request'],
    ['neither', {}, 'invalid_request'],
    ['no field', { fields: {} }, 'invalid_request'],
    ['a name that is none', { fields: { 'a-b': TOKEN } }, 'invalid_request'],
    ['a field that is made', { fields: { basic: TOKEN } }, 'invalid_request'],
    ['a colon in the user name', { fields: { username: `${TOKEN}:a` } }, 'invalid_request'],
    ['a public field that is not there', { fields: { token: TOKEN }, public_fields: ['username'] }, 'invalid_request'],
    ['nothing secret', { fields: { username: 'bot' }, public_fields: ['username'] }, 'invalid_request'],
    ['too much', { fields: { a: 'x'.repeat(9_000), b: 'x'.repeat(9_000) } }, 'invalid_request'],
  ])('ATTACKS 31a: %s is refused, and not said back', async (_, body, code) => {
    const refused = await post(body);
    expect([refused.status, refused.body.code]).toEqual([400, code]);
    for (const secret of [PASSWORD, TOKEN, 'a-b']) expect(JSON.stringify(refused.body)).not.toContain(secret);
  });

  test('P6: a stored field made public, or fields taken for one value, do not decrypt', async () => {
    const name = await credential(ACCOUNT);
    for (const fields of ['{"username": "public", "password": "public"}', null]) {
      await asSuperuser(app.database.adminUrl, async (client) => {
        // Whoever can do this can also keep the triggers still.
        await client.query('set session_replication_role = replica');
        await client.query(
          `update chancery.credential_versions v set fields = $2 from chancery.credentials c
           where c.id = v.credential_id and c.name = $1`,
          [name, fields],
        );
        await client.query('update chancery.chain_head set epoch = epoch + 1');
      });
      const slot = fields === null ? '{{CREDENTIAL}}' : '{{CREDENTIAL.password}}';
      expect(await use(name, { headers: { a: slot } })).toBe('500 internal_error');
    }
  });
});

describe('the default injection', () => {
  test.each([
    [{ kind: 'scheme', scheme: 'Bearer' }, { headers: expect.objectContaining({ authorization: `Bearer ${TOKEN}` }) }],
    [{ kind: 'header', name: 'X-Api-Key' }, { headers: expect.objectContaining({ 'x-api-key': TOKEN }) }],
    [{ kind: 'query', name: 'key' }, { target: `/?a=1&key=${TOKEN}` }],
  ])('%j goes into a request that names no place, in place of what it had there', async (injection, arrives) => {
    const name = await credential({ value: TOKEN, injection });
    expect(await shown(name)).toMatchObject({ injection });
    const headers = { authorization: 'Bearer made-up', 'x-api-key': 'made-up' };
    expect(await use(name, { url: `${UPSTREAM_URL}/?key=made-up&a=1`, headers })).toBe(200);
    expect(last()).toMatchObject(arrives);
    // One that names a place has its way.
    expect(await use(name, { headers: { 'x-own': '{{CREDENTIAL}}' } })).toBe(200);
    expect(last()).toMatchObject({ target: '/', headers: { 'x-own': TOKEN } });
    expect(last()?.headers.authorization).toBeUndefined();
  });

  test('basic, and a field behind a scheme', async () => {
    const name = await credential({ ...ACCOUNT, injection: { kind: 'basic' } });
    expect(await use(name, {})).toBe(200);
    expect(last()?.headers.authorization).toBe(`Basic ${base64(`bot:${PASSWORD}`)}`);
    const injection = { kind: 'scheme', scheme: 'Token', field: 'password' };
    expectStatus(await tenant.admin('PATCH', `/v1/credentials/${name}`, { injection }), 200);
    expect(await use(name, {})).toBe(200);
    expect(last()?.headers.authorization).toBe(`Token ${PASSWORD}`);
  });

  test('without one a request that names no place is refused, after all that protects the credential', async () => {
    const name = await credential({ value: TOKEN });
    expect(await use(name, {})).toBe('400 placeholder_missing');
    expect(await use(name, { url: 'https://evil.example/' })).toBe('403 domain_not_allowed');
    expect(await use('nobody-has-it', {})).toBe('404 credential_not_found');
    const set = (injection: object | null) => tenant.admin('PATCH', `/v1/credentials/${name}`, { injection });
    expectStatus(await set({ kind: 'header', name: 'x-api-key' }), 200);
    expect(await use(name, {})).toBe(200);
    expectStatus(await set(null), 200);
    expect(await use(name, {})).toBe('400 placeholder_missing');
  });

  test('one that could not work is refused when it is stored, changed, or bound out of its place', async () => {
    const name = await credential({ value: TOKEN, injection: { kind: 'query', name: 'key' } });
    const of = (answer: { status: number; body: { code?: unknown } }) => `${answer.status} ${String(answer.body.code)}`;
    expect(of(await post({ value: TOKEN, injection: { kind: 'basic' } }))).toBe('400 injection_refused');
    expect(
      of(await tenant.admin('PATCH', `/v1/credentials/${name}`, { injection: { kind: 'header', name: 'Host' } })),
    ).toBe('400 injection_refused');
    const binding = { allowed_domains: [UPSTREAM_HOST], placements: ['header'] };
    expect(of(await tenant.admin('PUT', `/v1/credentials/${name}/binding`, binding))).toBe('400 injection_refused');
    expect(await shown(name)).toMatchObject({ version: 1, placements: null });
  });
});

describe('a binding beyond hosts', () => {
  const BOUND = {
    methods: ['get', 'POST'],
    path_prefixes: ['/v1/'],
    private_ranges: ['10.1.2.3/8'],
    placements: ['header'],
  };
  const WHERE = { url: `${UPSTREAM_URL}/v1/models`, headers: { a: '{{CREDENTIAL}}' } };

  test('is kept in one spelling, decided in its order, and an edit of it is a new version', async () => {
    const name = await credential({ value: TOKEN, ...BOUND });
    const kept = {
      methods: ['GET', 'POST'],
      path_prefixes: ['/v1'],
      private_ranges: ['10.0.0.0/8'],
      placements: ['header'],
    };
    expect(await shown(name)).toMatchObject(kept);
    expect(await use(name, WHERE)).toBe(200);
    expect(await use(name, { ...WHERE, method: 'DELETE' })).toBe('403 request_method_not_allowed');
    expect(await use(name, { ...WHERE, url: `${UPSTREAM_URL}/v10` })).toBe('403 path_not_allowed');
    expect(await use(name, { ...WHERE, url: `${UPSTREAM_URL}/v1/..%2Fadmin` })).toBe('403 path_not_allowed');
    expect(await use(name, { url: `${WHERE.url}?k={{CREDENTIAL}}` })).toBe('403 placement_not_allowed');

    const bind = (body: object) => tenant.admin('PUT', `/v1/credentials/${name}/binding`, body);
    const allowed_domains = [UPSTREAM_HOST];
    expect((await bind({ allowed_domains, methods: ['DELETE'], path_prefixes: null })).body).toMatchObject({
      version: 2,
      methods: ['DELETE'],
      path_prefixes: null,
      private_ranges: null,
      placements: null,
    });
    expect(await use(name, WHERE)).toBe('403 request_method_not_allowed');
    expect(await use(name, { method: 'DELETE', url: `${UPSTREAM_URL}/v10?k={{CREDENTIAL}}` })).toBe(200);
    const bound = (await entriesOf(app.open, tenant.id)).findLast(
      ({ entry }) => entry.action === 'credential.bind.outcome',
    );
    expect(bound?.entry.details).toMatchObject({ allowed_domains, methods: ['DELETE'] });
    expect(bound?.entry.details).not.toHaveProperty('path_prefixes');
  });

  test('ATTACKS 35: a denial says nothing of what is allowed', async () => {
    const name = await credential({ value: TOKEN, ...BOUND, path_prefixes: ['/hidden'], methods: ['PUT'] });
    for (const request of [
      WHERE,
      { ...WHERE, method: 'PUT' },
      { ...WHERE, method: 'PUT', url: `${UPSTREAM_URL}/hidden?k={{CREDENTIAL}}`, headers: {} },
    ]) {
      const { status, body } = await execute(agent, name, request);
      expect(status).toBe(403);
      expect(JSON.stringify(body)).not.toMatch(/hidden|PUT|10\.0/);
    }
  });

  test('what cannot be compared is refused when it is stored', async () => {
    const refused = await post({
      value: TOKEN,
      methods: ['TRACE'],
      path_prefixes: ['v1'],
      private_ranges: ['8.8.8.8/32'],
    });
    expect(refused.body).toMatchObject({
      code: 'binding_refused',
      issues: [{ path: 'methods.0' }, { path: 'path_prefixes.0' }, { path: 'private_ranges.0' }],
    });
  });

  test('its private ranges go with the call', async () => {
    const name = await credential({ value: TOKEN, ...BOUND });
    const sent = jest.spyOn(app.app.get(Outbound, { strict: false }), 'send');
    expect(await use(name, WHERE)).toBe(200);
    expect(sent.mock.calls[0]?.[1]).toMatchObject({ privateRanges: ['10.0.0.0/8'] });
    sent.mockRestore();
  });
});

describe('approval and limits', () => {
  test('are stored, shown and changed, with one entry of what they were and are', async () => {
    const name = await credential({ value: TOKEN, approval: 'each_use', limits: { per_minute: 7 } });
    expect(await shown(name)).toMatchObject({ approval: 'each_use', limits: { per_minute: 7 } });
    expectStatus(await tenant.admin('PATCH', `/v1/credentials/${name}`, { limits: {} }), 200);
    expect(await shown(name)).toMatchObject({ approval: 'each_use', limits: { per_minute: null } });
    // The outcome of an earlier use may stand behind it.
    const changed = (await entriesOf(app.open, tenant.id)).findLast(
      ({ entry }) => entry.action === 'credential.change',
    );
    expect(changed?.entry).toMatchObject({
      details: { name, from: { per_minute: 7 }, to: { per_minute: null, approval: 'each_use' } },
    });
    for (const nothing of [{}, { limits: { per_minute: 0 } }, { approval: 'sometimes' }])
      expect((await tenant.admin('PATCH', `/v1/credentials/${name}`, nothing)).status).toBe(400);
  });

  test('asking people more is for anybody who administers; asking them less is a human act', async () => {
    const name = await credential({ value: TOKEN });
    const set = (by: typeof tenant.admin, approval: string) => by('PATCH', `/v1/credentials/${name}`, { approval });
    expectStatus(await set(tenant.admin, 'each_use'), 200);
    expectStatus(await set(tenant.admin, 'each_use'), 200);
    const refused = await set(tenant.admin, 'none');
    expect([refused.status, refused.body.code]).toEqual([403, 'human_required']);
    // Nor together with something that a key may change.
    const mixed = await tenant.admin('PATCH', `/v1/credentials/${name}`, {
      approval: 'none',
      minimum_tier: 'GUARDIAN',
    });
    expect(mixed.body.code).toBe('human_required');
    expect(await shown(name)).toMatchObject({ approval: 'each_use', minimum_tier: 'COMPANION' });
    app.clock.aheadMs = 6 * 60_000;
    expect((await set(tenant.human, 'none')).body.code).toBe('factor_stale');
    app.clock.aheadMs = 0;
    expectStatus(await set(tenant.human, 'none'), 200);
    expect(await shown(name)).toMatchObject({ approval: 'none' });
  });
});
