import { Sealing } from '../../src/credentials/sealing.js';
import type { StoredEntry } from '../../src/audit/audit.repository.js';
import { type AppTenant, execute, startApp, storeCredential, type TestApp, UPSTREAM_URL } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { eventually } from '../support/eventually.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(300_000);

/** Holds what each encoding writes differently. */
const SECRET = 'sk-live/0123+456789=abc&def~"quoted"';
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** Ways to write the secret, each with the text in which no part that gives it away may be left. */
const FORMS: readonly (readonly [form: string, written: string])[] = [
  ['plain', `Bearer ${SECRET}`],
  ['base64', base64(SECRET)],
  ['base64, shifted by one byte', base64(`x${SECRET}`)],
  ['base64, shifted by two bytes', base64(`xy${SECRET}`)],
  ['base64url', Buffer.from(SECRET).toString('base64url')],
  ['Basic', `Basic ${base64(`user:${SECRET}`)}`],
  ['URL-encoded', encodeURIComponent(SECRET)],
  ['URL-encoded in lower case', encodeURIComponent(SECRET).replace(/%../g, (escape) => escape.toLowerCase())],
  ['URL-encoded twice', encodeURIComponent(encodeURIComponent(SECRET))],
  ['form-encoded', new URLSearchParams({ key: SECRET }).toString()],
  ['hex', Buffer.from(SECRET).toString('hex')],
  ['in JSON', JSON.stringify({ key: SECRET })],
];
/** Long enough that nothing else holds them by chance: the middle of every form. */
const TELLTALES = [
  '0123+456',
  '0123%2B456',
  '0123%2b456',
  '0123%252B456',
  ...['', 'x', 'xy'].map((shift) => base64(`${shift}${SECRET}`).slice(8, 20)),
  ...['', 'x', 'xy'].map((shift) => Buffer.from(`${shift}${SECRET}`).toString('base64url').slice(8, 20)),
  Buffer.from('0123+456').toString('hex'),
];
const leaks = (text: string): string[] => TELLTALES.filter((telltale) => text.includes(telltale));

const upstream = new ScriptedUpstream();
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
beforeAll(async () => {
  app = await startApp({ upstream: upstream.listener });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'scribe');
  await storeCredential(tenant, 'key', SECRET, { grantTo: [agent] });
});
afterEach(async () => {
  // P1, ATTACKS 34: whatever a test did, neither the log nor the chain ever holds a trace of it.
  expect(leaks(JSON.stringify([app.logged, await entriesOf(app.open, tenant.id)]))).toEqual([]);
});
afterAll(() => app?.close());

const uses = (entries: readonly StoredEntry[]) =>
  entries.filter(({ entry }) => entry.action.startsWith('credential.use'));

/** The intent and the outcome of the use whose answer named `seq`. */
async function pairOf(seq: unknown) {
  const entries = await eventually(
    () => entriesOf(app.open, tenant.id),
    (found) => found.some(({ entry }) => entry.details.intent === seq),
  );
  const intent = entries.find(({ entry }) => entry.seq === seq)?.entry;
  return { intent, outcome: entries.find(({ entry }) => entry.details.intent === seq)?.entry };
}

const seqOf = (body: Record<string, unknown>): unknown => (body.audit as { seq: number } | undefined)?.seq;

test('P3: the intent is durable before the credential is decrypted, and the outcome follows', async () => {
  const sealing = app.app.get(Sealing, { strict: false });
  const open = sealing.open.bind(sealing);
  const before: StoredEntry[] = [];
  const spy = jest.spyOn(sealing, 'open').mockImplementation(async (...args) => {
    before.push(...uses(await entriesOf(app.open, tenant.id)));
    expect(upstream.received).toHaveLength(0);
    return open(...args);
  });
  const answer = await execute(agent, 'key', { method: 'POST', body: { text: 'hello' } });
  spy.mockRestore();
  expect(answer.status).toBe(200);
  expect(before.map(({ entry }) => entry)).toMatchObject([
    {
      outcome: 'intent',
      actor: `agent:${agent.id}`,
      details: { name: 'key', version: 1, method: 'POST', purpose: 'test' },
    },
  ]);
  const { outcome } = await pairOf(before[0]?.entry.seq);
  expect(outcome).toMatchObject({ action: 'credential.use.outcome', outcome: 'success', details: { status: 200 } });
  expect(upstream.received.at(-1)).toMatchObject({
    headers: { authorization: `Bearer ${SECRET}` },
    body: '{"text":"hello"}',
  });
});

test.each(FORMS)(
  'P1: the secret echoed %s is redacted in a header, Set-Cookie, Location and the body',
  async (_, written) => {
    upstream.on('/echo', (_request, response) => {
      const location = `https://elsewhere.example/?from=${written}`;
      const cookies = [`a=${written}; Path=/`, 'b=harmless'];
      response.writeHead(302, { 'x-echo': written, 'set-cookie': cookies, location });
      response.end(`before ${written} behind`);
    });
    const count = upstream.received.length;
    const { status, body } = await execute(agent, 'key', { url: `${UPSTREAM_URL}/echo` });
    expect([status, body.status]).toEqual([200, 302]);
    // ATTACKS 19: not followed.
    expect(upstream.received).toHaveLength(count + 1);
    expect(leaks(JSON.stringify(body))).toEqual([]);
    expect(body).toMatchObject({
      redactions: 4,
      headers: { 'set-cookie': [expect.stringMatching(/^a=.*\[redacted\]/), 'b=harmless'] },
    });
    expect(body.body).toMatch(/^before .*\[redacted\].* behind$/);
    expect((body.headers as Record<string, string>).location).toMatch(
      /^https:\/\/elsewhere\.example\/\?from=.*\[redacted\]/,
    );
    expect((await pairOf(seqOf(body))).outcome).toMatchObject({ details: { redactions: 4 } });
  },
);

test('ATTACKS 25: the placeholder in an answer is inert, and the secret is put in once', async () => {
  upstream.on('/inert', (_, response) => response.setHeader('x-echo', '{{CREDENTIAL}}').end('{{CREDENTIAL}}'));
  const { body } = await execute(agent, 'key', { url: `${UPSTREAM_URL}/inert` });
  expect(body).toMatchObject({ body: '{{CREDENTIAL}}', headers: { 'x-echo': '{{CREDENTIAL}}' }, redactions: 0 });
});

test.each([
  ['the path', { url: `${UPSTREAM_URL}/in/{{CREDENTIAL}}/path` }, { target: `/in/${encodeURIComponent(SECRET)}/path` }],
  ['the query', { query: { key: '{{CREDENTIAL}}' } }, { target: `/?key=${encodeURIComponent(SECRET)}` }],
  // ATTACKS 26: replaced, not repeated.
  [
    'a query that is there already',
    { url: `${UPSTREAM_URL}/?key=mine&a=1`, query: { key: '{{CREDENTIAL}}' } },
    { target: `/?a=1&key=${encodeURIComponent(SECRET)}` },
  ],
  [
    'a header',
    { headers: { 'x-api-key': '{{CREDENTIAL}}' } },
    { headers: expect.objectContaining({ 'x-api-key': SECRET }) },
  ],
  ['JSON', { method: 'POST', body: { key: '{{CREDENTIAL}}', n: 1 } }, { body: JSON.stringify({ key: SECRET, n: 1 }) }],
  [
    'a form',
    {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'a=1&key={{CREDENTIAL}}',
    },
    { body: `a=1&key=${encodeURIComponent(SECRET)}` },
  ],
  [
    'text',
    { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'key: {{CREDENTIAL}}.' },
    { body: `key: ${SECRET}.` },
  ],
])('ATTACKS 24: the secret is written for its place in %s', async (_, request, arrives) => {
  const answer = await execute(agent, 'key', { headers: {}, ...request });
  expect(answer.status).toBe(200);
  expect(upstream.received.at(-1)).toMatchObject(arrives);
});

test('a body that is no text comes as body_base64, unharmed', async () => {
  const bytes = Buffer.from([0, 255, 254, 10, 13, 128]);
  upstream.on('/binary', (_, response) => response.end(bytes));
  const { body } = await execute(agent, 'key', { url: `${UPSTREAM_URL}/binary` });
  expect(body).toMatchObject({ status: 200, body_base64: bytes.toString('base64') });
  expect(body).not.toHaveProperty('body');
});

test('body_base64 of a request arrives as its bytes', async () => {
  const request = { method: 'PUT', body_base64: Buffer.from('raw bytes').toString('base64') };
  expect((await execute(agent, 'key', request)).status).toBe(200);
  expect(upstream.received.at(-1)).toMatchObject({ method: 'PUT', body: 'raw bytes' });
});

test('ATTACKS 41: what the upstream refuses is handed on once, never repeated', async () => {
  upstream.on('/broken', (_, response) => response.writeHead(503).end('later'));
  const count = upstream.received.length;
  const { body } = await execute(agent, 'key', { method: 'POST', url: `${UPSTREAM_URL}/broken` });
  expect(body).toMatchObject({ status: 503, body: 'later' });
  expect(upstream.received).toHaveLength(count + 1);
  expect((await pairOf(seqOf(body))).outcome).toMatchObject({ outcome: 'success', details: { status: 503 } });
});

test('ATTACKS 31a: a value under 16 bytes is refused, or stored unredacted and flagged everywhere', async () => {
  const short = { name: 'short', value: 'pin-1234', allowed_domains: ['api.upstream.test'] };
  const refused = await tenant.admin('POST', '/v1/credentials', short);
  expect([refused.status, refused.body.code]).toEqual([400, 'secret_too_short']);
  await storeCredential(tenant, 'short', short.value, { grantTo: [agent], more: { redact: false } });
  expect((await tenant.admin('GET', '/v1/credentials/short')).body).toMatchObject({
    redact: false,
    flags: ['not_redacted'],
  });
  upstream.on('/short', (request, response) => response.end(request.headers.authorization));
  const { body } = await execute(agent, 'short', { url: `${UPSTREAM_URL}/short` });
  expect(body).toMatchObject({ body: 'Bearer pin-1234', redactions: 0 });
  expect((await pairOf(seqOf(body))).intent).toMatchObject({ details: { flags: ['not_redacted'] } });
  expect(
    await eventually(
      () => entriesOf(app.open, tenant.id),
      (entries) => entries.length > 0,
    ),
  ).toContainEqual(
    expect.objectContaining({
      entry: expect.objectContaining({
        action: 'credential.store',
        details: expect.objectContaining({ flags: ['not_redacted'] }),
      }),
    }),
  );
});

test('ATTACKS 13: no domains means any host: flagged in the listing and in every entry', async () => {
  await storeCredential(tenant, 'anywhere', SECRET, { grantTo: [agent], more: { allowed_domains: [] } });
  const { body: listed } = await tenant.admin<{ data: { name: string; flags: string[] }[] }>('GET', '/v1/credentials');
  expect(listed.data.find(({ name }) => name === 'anywhere')?.flags).toEqual(['unrestricted_domains']);
  const answer = await execute(agent, 'anywhere');
  expect(answer.status).toBe(200);
  expect((await pairOf(seqOf(answer.body))).intent).toMatchObject({ details: { flags: ['unrestricted_domains'] } });
  await tenant.admin('POST', '/v1/brakes', { scope: 'credential', credential_name: 'anywhere', reason: 'test' });
  const denied = await execute(agent, 'anywhere');
  const entries = await entriesOf(app.open, tenant.id);
  expect(entries.find(({ entry }) => entry.seq === seqOf(denied.body))?.entry).toMatchObject({
    outcome: 'denied',
    details: { flags: ['unrestricted_domains'] },
  });
});
