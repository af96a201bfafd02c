import { type AppTenant, execute, startApp, storeCredential, type TestApp } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { rawExchange } from '../support/raw-http.js';

jest.setTimeout(300_000);

const REQUEST_BYTES_MAX = 8_388_608;
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
beforeAll(async () => {
  app = await startApp({ env: { REQUEST_BYTES_MAX: String(REQUEST_BYTES_MAX) } });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'scribe');
  await storeCredential(tenant, 'key', 'sk-live-0123456789abcdef', { grantTo: [agent] });
});
afterAll(() => app?.close());

interface Sent {
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}
async function post({ path = '/v1/agents', headers = {}, body = '{}' }: Sent) {
  const who = { authorization: `Bearer ${tenant.key}`, 'content-type': 'application/json' };
  const answer = await fetch(app.at.tenant + path, { method: 'POST', headers: { ...who, ...headers }, body });
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

test.each<readonly [what: string, sent: Sent, status: number, code: string]>([
  [
    'a body larger than any route reads',
    { body: `{"name":"${'a'.repeat(REQUEST_BYTES_MAX)}"}` },
    413,
    'payload_too_large',
  ],
  ['a URL longer than any route needs', { path: `/v1/agents?x=${'a'.repeat(4_096)}` }, 414, 'target_too_long'],
  [
    'a form where JSON is read',
    { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'name=a' },
    415,
    'unsupported_media_type',
  ],
  ['text', { headers: { 'content-type': 'text/plain' } }, 415, 'unsupported_media_type'],
  [
    'JSON in another encoding',
    { headers: { 'content-type': 'application/json; charset=latin1' } },
    415,
    'unsupported_media_type',
  ],
  ['a compressed body', { headers: { 'content-encoding': 'gzip' } }, 415, 'unsupported_media_type'],
  ['no JSON', { body: '{"name":' }, 400, 'malformed_json'],
  ['a member twice', { body: '{"name":"a","name":"b"}' }, 400, 'malformed_json'],
  ['JSON nested too deep', { body: nested(1_000) }, 400, 'malformed_json'],
  ['another shape', { body: '[]' }, 400, 'invalid_request'],
  ['a member nobody knows', { body: '{"name":"a","admin":true}' }, 400, 'invalid_request'],
  ['another type', { body: '{"name":1}' }, 400, 'invalid_request'],
  ['a text that is too long', { body: JSON.stringify({ name: 'a'.repeat(10_000) }) }, 400, 'invalid_request'],
  ['a control character in a name', { body: JSON.stringify({ name: 'a\u0000b' }) }, 400, 'invalid_request'],
  ['JSON in the place of a form', { path: '/oauth/token' }, 415, 'unsupported_media_type'],
  [
    'an id of another kind',
    { path: `/v1/agents/crd_${'0'.repeat(32)}/suspend`, body: '{"reason":"x"}' },
    404,
    'not_found',
  ],
])('P20: %s has its own answer', async (_, sent, status, code) => {
  const answer = await post(sent);
  expect([answer.status, answer.body.code, answer.body.status]).toEqual([status, code, status]);
  expect(JSON.stringify(answer.body).length).toBeLessThan(2_000);
  expect(answer.body.stack).toBeUndefined();
});

test.each([
  ['more headers than any request needs', Array.from({ length: 200 }, (_, n) => `X-${n}: a`)],
  ['headers that are too large', [`X-Large: ${'a'.repeat(20_000)}`]],
])('P20: %s are refused', async (_, headers) => {
  const lines = [
    'GET /v1/agents HTTP/1.1',
    'Host: x',
    'Connection: close',
    `Authorization: Bearer ${tenant.key}`,
    ...headers,
  ];
  const { status, body } = await rawExchange(app.at.tenant, [`${lines.join('\r\n')}\r\n\r\n`]);
  expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([431, 'headers_too_large']);
});

test.each([
  ['a page larger than 200', '/v1/agents?limit=201'],
  ['a page of nothing', '/v1/agents?limit=0'],
  ['a page of no number', '/v1/agents?limit=many'],
  ['a cursor of nobody', '/v1/agents?cursor=abc'],
  ['a query nobody knows', '/v1/agents?admin=true'],
])('P20: %s is 400', async (_, path) => {
  const answer = await tenant.admin('GET', path);
  expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
});

const wide = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, 'a']));
const secret = { authorization: '{{CREDENTIAL}}' };

test.each<readonly [what: string, request: Record<string, unknown>, more: Record<string, unknown>, status: number]>([
  ['too many headers', { headers: { ...secret, ...wide(64) } }, {}, 400],
  [
    'headers too long together',
    {
      headers: { ...secret, ...Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [name, 'x'.repeat(8_000)])) },
    },
    {},
    400,
  ],
  ['too many query parameters', { query: wide(129) }, {}, 400],
  ['a URL too long', { url: `https://api.upstream.test/${'a'.repeat(8_192)}` }, {}, 400],
  ['a body too large', { method: 'POST', body_base64: Buffer.alloc(5 * 1_048_576 + 1).toString('base64') }, {}, 413],
  ['too many placeholders', { headers: { x: '{{CREDENTIAL}}'.repeat(17) } }, {}, 400],
  ['no purpose', {}, { purpose: '' }, 400],
  ['too little time', {}, { timeout_ms: 1 }, 400],
  ['too much time', {}, { timeout_ms: 3_600_000 }, 400],
  ['a body and body_base64', { method: 'POST', body: 'a', body_base64: 'YQ==' }, {}, 400],
])('P20: a use with %s is refused before anything is decided', async (_, request, more, status) => {
  const intents = async () =>
    (await entriesOf(app.open, tenant.id)).filter(({ entry }) => entry.outcome === 'intent').length;
  const before = await intents();
  const answer = await execute(agent, 'key', request, more);
  expect(answer.status).toBe(status);
  expect(await intents()).toBe(before);
});
