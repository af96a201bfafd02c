import dns from 'node:dns/promises';
import { OpenVersion } from '../../src/credentials/open-version.js';
import { Outbound } from '../../src/platform/outbound/outbound.js';
import { type AppTenant, execute, startApp, storeCredential, type TestApp, UPSTREAM_URL } from '../support/app.js';
import { entriesOf } from '../support/chain-check.js';
import type { DpopAgent } from '../support/dpop-agent.js';
import { UPSTREAM_HOST } from '../support/hostile-upstream.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

jest.setTimeout(60_000);

const SECRET = 'sk-live-0123456789abcdef';
const H = UPSTREAM_HOST;

const upstream = new ScriptedUpstream();
let app: TestApp;
let tenant: AppTenant;
let agent: DpopAgent;
let calledOut: jest.SpyInstance[];
beforeAll(async () => {
  app = await startApp({ upstream: upstream.listener });
  tenant = await app.newTenant();
  agent = await app.newAgent(tenant, 'scribe');
  await storeCredential(tenant, 'key', SECRET, { grantTo: [agent] });
  await storeCredential(tenant, 'wild', SECRET, { grantTo: [agent], more: { allowed_domains: ['*.github.com'] } });
  await storeCredential(tenant, 'multiline', `${SECRET}\r\nX-Injected: yes`, { grantTo: [agent] });
  calledOut = [
    jest.spyOn(dns, 'lookup').mockRejectedValue(Object.assign(new Error('no DNS here'), { code: 'ENOTFOUND' })),
    jest.spyOn(app.app.get(Outbound, { strict: false }), 'send'),
    jest.spyOn(app.app.get(OpenVersion, { strict: false }), 'execute'),
  ];
});
beforeEach(() => calledOut.forEach((spy) => spy.mockClear()));
afterAll(() => app?.close());

const REFUSED = [400, 'url_refused'] as const;
const TEMPLATE = [400, 'template_refused'] as const;
const ELSEWHERE = [403, 'domain_not_allowed'] as const;

const URLS: readonly (readonly [row: string, url: string, answer: readonly [number, string]])[] = [
  ['1: userinfo before a foreign host', `https://${H}@evil.com/`, REFUSED],
  ['1: userinfo before the allowed host', `https://evil.com@${H}/`, REFUSED],
  ['1: an empty userinfo', `https://@${H}/`, REFUSED],
  ['1: userinfo with a password', `https://a:b@${H}/`, REFUSED],
  ['2: a backslash before @', `https://evil.com\\@${H}/`, REFUSED],
  ['2: a backslash behind the host', `https://${H}\\@evil.com/`, REFUSED],
  ['2: a backslash and a label', `https://${H}\\.evil.com/`, REFUSED],
  ['3: a fragment that ends the host', `https://evil.com#@${H}`, ELSEWHERE],
  ['3: a query that ends the host', `https://evil.com?@${H}`, ELSEWHERE],
  ['3: the allowed host as a subdomain', `https://${H}.evil.com/`, ELSEWHERE],
  ['3: the allowed host as a suffix without a dot', `https://evil${H}/`, ELSEWHERE],
  ['3: the allowed host in the path', `https://evil.com/${H}`, ELSEWHERE],
  ...['\t', '\r', '\n', '\0', ' ', '\u007f', '\u200b', '\u3002', '\uff0e'].map(
    (char) =>
      [
        `5: U+${char.charCodeAt(0).toString(16).padStart(4, '0')} in the host`,
        `https://api${char}.upstream.test/`,
        REFUSED,
      ] as const,
  ),
  ['5: a line break before the URL', `\n${UPSTREAM_URL}/`, REFUSED],
  ['5: white space behind the URL', `${UPSTREAM_URL}/ `, REFUSED],
  ['5: full-width letters', 'https://ａｐｉ.upstream.test/', REFUSED],
  ['6: a look-alike letter', 'https://арi.upstream.test/', REFUSED],
  ['6: the look-alike in its xn-- form', 'https://xn--i-7sb2a.upstream.test/', ELSEWHERE],
  ['6: a dot in percent-encoding', 'https://api.upstream%2etest/', REFUSED],
  ['6: a percent-encoded host that is foreign', `https://${H}%2eevil.com/`, REFUSED],
  ['7: port 22', `https://${H}:22/`, ELSEWHERE],
  ['7: port 8443', `https://${H}:8443/`, ELSEWHERE],
  ['7: port 0', `https://${H}:0/`, REFUSED],
  ['7: a port that is none', `https://${H}:65536/`, REFUSED],
  ['7: a port with leading zeros', `https://${H}:00443/`, REFUSED],
  ['8: http', `http://${H}/`, ELSEWHERE],
  ['8: http on the port of https', `http://${H}:443/`, ELSEWHERE],
  ['8: ftp', `ftp://${H}/`, REFUSED],
  ['8: file', 'file:///etc/passwd', REFUSED],
  ['8: no slashes', `https:${H}/`, REFUSED],
  ['8: a slash and a backslash', 'https:/\\evil.com/', REFUSED],
  ['8: no scheme', `//${H}/`, REFUSED],
  ['8: a path alone', '/v1/models', REFUSED],
  ['8: three slashes', `https:///${H}/`, REFUSED],
  ['14: decimal IPv4', 'https://2130706433/', REFUSED],
  ['14: octal IPv4', 'https://0177.0.0.1/', REFUSED],
  ['14: hexadecimal IPv4', 'https://0x7f000001/', REFUSED],
  ['14: mixed hexadecimal IPv4', 'https://0x7f.1/', REFUSED],
  ['14: short IPv4', 'https://127.1/', REFUSED],
  ['14: IPv4', 'https://169.254.169.254/', REFUSED],
  ['14: IPv4 with a trailing dot', 'https://169.254.169.254./', REFUSED],
  ['14: circled digits', 'https://①②⑦.⓪.⓪.①/', REFUSED],
  ['14: IPv6', 'https://[::1]/', REFUSED],
  ['14: IPv4 mapped into IPv6', 'https://[::ffff:169.254.169.254]/', REFUSED],
  ['14: IPv6 with a zone', 'https://[fe80::1%25eth0]/', REFUSED],
  ['14: a name of one label', 'https://localhost/', ELSEWHERE],
];

interface Template {
  readonly attack: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly answer: readonly [number, string];
}
const withUrl = (url: string) => ({ url, headers: { authorization: 'Bearer {{CREDENTIAL}}' } });
const withHeader = (name: string, value = 'x') => ({ headers: { authorization: '{{CREDENTIAL}}', [name]: value } });
const TEMPLATES: readonly Template[] = [
  ...URLS.map(([attack, url, answer]) => ({ attack, request: withUrl(url), answer })),
  { attack: '9: the placeholder in the scheme', request: { url: `{{CREDENTIAL}}://${H}/` }, answer: TEMPLATE },
  { attack: '9: in userinfo', request: { url: `https://{{CREDENTIAL}}@${H}/` }, answer: TEMPLATE },
  { attack: '9: in the host', request: { url: 'https://{{CREDENTIAL}}.upstream.test/' }, answer: TEMPLATE },
  { attack: '9: in the port', request: { url: `https://${H}:{{CREDENTIAL}}/` }, answer: TEMPLATE },
  { attack: '9: in the fragment', request: { url: `https://${H}/#{{CREDENTIAL}}` }, answer: TEMPLATE },
  { attack: '9: in a header name', request: { headers: { '{{CREDENTIAL}}': 'x' } }, answer: TEMPLATE },
  { attack: '9: in the method', request: { method: '{{CREDENTIAL}}' }, answer: TEMPLATE },
  { attack: '9: in Host', request: { headers: { host: '{{CREDENTIAL}}' } }, answer: TEMPLATE },
  { attack: '9: in the name of a query parameter', request: { query: { '{{CREDENTIAL}}': 'x' } }, answer: TEMPLATE },
  { attack: '9: nowhere', request: { headers: {} }, answer: TEMPLATE },
  ...['a\rb', 'a\nb', 'a\r\nX-Injected: yes', 'a\0b'].map((value) => ({
    attack: `20: ${JSON.stringify(value)} in a header`,
    request: withHeader('x-test', value),
    answer: TEMPLATE,
  })),
  { attack: '20: a line break in a header name', request: withHeader('x-test\r\nx'), answer: TEMPLATE },
  ...[
    'Host',
    'Content-Length',
    'Transfer-Encoding',
    'Connection',
    'Keep-Alive',
    'Expect',
    'Upgrade',
    'TE',
    'Trailer',
    'Proxy-Authorization',
    'Proxy-Connection',
    'proxy-anything',
    'Range',
    'If-Range',
  ].map((name) => ({ attack: `21: the header ${name}`, request: withHeader(name), answer: TEMPLATE })),
  { attack: '21: a header twice', request: { headers: { 'x-a': '{{CREDENTIAL}}', 'X-A': '1' } }, answer: TEMPLATE },
  ...['TRACE', 'trace', 'CONNECT', 'G ET', 'GET\r\n', 'GET /'].map((method) => ({
    attack: `22: the method ${JSON.stringify(method)}`,
    request: { method },
    answer: TEMPLATE,
  })),
  { attack: '27: a second credential', request: withHeader('x-other', '{{OTHER_KEY}}'), answer: TEMPLATE },
  { attack: '27: one in the URL', request: withUrl(`https://${H}/{{OTHER_KEY}}/`), answer: TEMPLATE },
  { attack: '27: one in the query', request: { query: { key: '{{OTHER_KEY}}' } }, answer: TEMPLATE },
  { attack: '27: one in the body', request: { method: 'POST', body: { key: '{{OTHER_KEY}}' } }, answer: TEMPLATE },
  { attack: '27: a field of it', request: withHeader('x-other', '{{CREDENTIAL.password}}'), answer: TEMPLATE },
];

test.each(TEMPLATES)('ATTACKS $attack: refused, and nothing is looked up or dialled', async ({ request, answer }) => {
  const before = (await entriesOf(app.open, tenant.id)).length;
  const { status, body } = await execute(agent, 'key', request);
  expect([status, body.code]).toEqual(answer);
  // Before any look-up of the credential: one that is unknown gets the same answer. A foreign host comes behind it.
  const unknown = await execute(agent, 'nowhere', request);
  const same = status === 400 ? answer : [404, 'credential_not_found'];
  expect([unknown.status, unknown.body.code]).toEqual(same);
  // ATTACKS 35: nobody is told which domains are allowed.
  expect(JSON.stringify(body)).not.toContain(UPSTREAM_HOST);
  for (const spy of calledOut) expect(spy).not.toHaveBeenCalled();
  expect(upstream.received).toHaveLength(0);
  const entries = (await entriesOf(app.open, tenant.id)).slice(before);
  expect(entries.map(({ entry }) => entry.outcome)).toEqual(['denied', 'denied']);
});

test.each([
  ['api.github.com', true],
  ['a.b.github.com', true],
  ['evilgithub.com', false],
  ['github.com', false],
  ['github.com.evil.com', false],
])('ATTACKS 10, 11: *.github.com and %s', async (host, allowed) => {
  const { body } = await execute(agent, 'wild', { url: `https://${host}/` });
  // There is no DNS here: what is allowed gets as far as not being found.
  expect(body.code).toBe(allowed ? 'upstream_unreachable' : 'domain_not_allowed');
});

test('ATTACKS 10: an empty label is no host', async () => {
  expect((await execute(agent, 'wild', { url: 'https://.github.com/' })).body.code).toBe('url_refused');
});

test.each([
  '*',
  '*.com',
  '*.co.uk',
  '*.github.io',
  'api.*.com',
  '[ab].com',
  'a?b.com',
  '1.2.3.4',
  '[::1]',
  'https://a.com',
  'a.com:443',
  'a.com/x',
  'localhost',
  'ａ.com',
  '',
])('ATTACKS 12: %j cannot be stored as a domain', async (domain) => {
  const answer = await tenant.admin('POST', '/v1/credentials', {
    name: 'refused',
    value: SECRET,
    allowed_domains: [domain],
  });
  expect([answer.status, answer.body.code]).toEqual([
    400,
    domain === '' ? 'invalid_request' : 'domain_pattern_refused',
  ]);
  const bound = await tenant.admin('PUT', '/v1/credentials/key/binding', { allowed_domains: [domain] });
  expect([bound.status, bound.body.code]).toEqual([answer.status, answer.body.code]);
});

describe('what is well formed arrives in one canonical form', () => {
  afterEach(() => void (upstream.received.length = 0));

  test.each([
    ['4: a trailing dot', `https://${H}./x`, '/x'],
    ['4: mixed case', 'HTTPS://Api.UPSTREAM.Test/x', '/x'],
    ['7: the port that is bound, named', `https://${H}:443/x`, '/x'],
    ['23: dot segments', `${UPSTREAM_URL}/a/./b/../c`, '/a/c'],
    ['23: encoded dot segments', `${UPSTREAM_URL}/a/%2e%2e/%2E/c`, '/c'],
    ['23: more dot segments than there are segments', `${UPSTREAM_URL}/../../c`, '/c'],
    ['23: an encoded slash', `${UPSTREAM_URL}/a%2Fb/..%2fc`, '/a%2Fb/..%2Fc'],
    ['23: escapes in lower case and without need', `${UPSTREAM_URL}/%7euser/%c3%a9`, '/~user/%C3%A9'],
    ['23: an empty path', UPSTREAM_URL, '/'],
    ['26: a query parameter twice, once with the secret', `${UPSTREAM_URL}/?k=1&k={{CREDENTIAL}}&k=2`, `/?k=${SECRET}`],
  ])('ATTACKS %s', async (_, url, target) => {
    const answer = await execute(agent, 'key', { url });
    expect(answer.status).toBe(200);
    expect(upstream.received.at(-1)).toMatchObject({ target, headers: { host: UPSTREAM_HOST } });
  });
});

test('ATTACKS 20: a secret with a line break goes into no header', async () => {
  const { status, body } = await execute(agent, 'multiline');
  expect([status, body.code]).toEqual([400, 'template_refused']);
  expect(upstream.received).toHaveLength(0);
});

test('ATTACKS 24: a secret of dots cannot climb out of the path', async () => {
  await storeCredential(tenant, 'dots', '..', { grantTo: [agent], more: { redact: false } });
  const { status, body } = await execute(agent, 'dots', { url: `${UPSTREAM_URL}/a/{{CREDENTIAL}}/b`, headers: {} });
  expect([status, body.code]).toEqual([400, 'template_refused']);
  expect(upstream.received).toHaveLength(0);
});

test('ATTACKS 25: a secret that holds the placeholder is put in once', async () => {
  const value = 'sk-{{CREDENTIAL}}-$&-$1-0123456789';
  await storeCredential(tenant, 'nested', value, { grantTo: [agent] });
  expect((await execute(agent, 'nested')).status).toBe(200);
  expect(upstream.received.at(-1)?.headers.authorization).toBe(`Bearer ${value}`);
});

test('ATTACKS 27: a credential that is unknown, of another tenant or not granted looks the same', async () => {
  const other = await app.newTenant();
  await storeCredential(other, 'theirs', SECRET);
  await storeCredential(tenant, 'ours', SECRET);
  const seen = [];
  for (const name of ['theirs', 'ours', 'nobodys']) {
    const { status, headers, body } = await execute(agent, name);
    const { request_id: _, audit: __, ...told } = body;
    const kept = [...headers].filter(([key]) => !['x-request-id', 'ratelimit', 'date', 'content-length'].includes(key));
    seen.push({ status, kept, told });
  }
  expect(seen[0]).toMatchObject({ status: 404, told: { code: 'credential_not_found' } });
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[2]).toEqual(seen[0]);
});
