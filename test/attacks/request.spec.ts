import { attack } from '../support/attack-report.js';
import { type AttackSite, openAttackSite, SECRET } from '../support/attack-site.js';
import { UPSTREAM_HOST as H } from '../support/hostile-upstream.js';
import type { Received } from '../support/scripted-upstream.js';
import type { SeenUse } from '../support/use-door.js';
import { DOORS } from '../support/use-doors.js';
import { BREAKERS, PLACES } from './places.js';
import { TEMPLATES } from './templates.js';

jest.setTimeout(300_000);

let site: AttackSite;
beforeAll(async () => {
  site = await openAttackSite();
  await site.credential('key');
  await site.credential('paths', { path_prefixes: ['/v1/models'] });
});
beforeEach(() => void (site.upstream.received.length = 0));
afterAll(() => site?.close());

const url = (target = '/'): string => `https://${H}${target}`;
const arrived = (): Received => {
  expect(site.upstream.received).toHaveLength(1);
  return site.upstream.received[0] as Received;
};
const expectRefused = (seen: SeenUse, code = 'template_refused', status = 400): void => {
  expect(seen).toMatchObject({ status, code });
  expect(site.upstream.received).toEqual([]);
};

const encoded = encodeURIComponent(SECRET);
const REPLACED = [
  ['?k=1&s={{CREDENTIAL}} and k=2', '/?k=1&s={{CREDENTIAL}}', { k: '2' }, `/?s=${encoded}&k=2`],
  ['?%6b=1&s={{CREDENTIAL}} and k=2', '/?%6b=1&s={{CREDENTIAL}}', { k: '2' }, `/?s=${encoded}&k=2`],
] as const;

for (const door of DOORS) {
  for (const { row, sent, asked, only } of TEMPLATES.filter((one) => door.canSay(one.asked)))
    if (only === undefined || only === door.name)
      attack(row, door.name, sent, async (saw) => {
        const seen = saw(await door.use(site.agent, 'key', asked));
        if (door.name === 'stream' && NO_ROUTE.has(String(asked.method))) {
          expect(seen.status).toBeGreaterThanOrEqual(400);
          return expect(site.upstream.received).toEqual([]);
        }
        expectRefused(seen);
        expectRefused(await door.use(site.agent, 'nowhere', asked));
        const denials = (await site.lastEntries(6))
          .filter(({ entry }) => entry.action === 'credential.use')
          .slice(0, 2);
        expect(denials.map(({ entry }) => entry.outcome)).toEqual(['denied', 'denied']);
      });

  for (const [what, breaker] of [
    ['CRLF and a header', '\r\nX-Injected: yes'],
    ['CR', '\r'],
    ['LF', '\n'],
    ['NUL', '\0'],
    ['a vertical tab', '\v'],
    ['DEL', '\x7f'],
  ] as const) {
    const value = `sk-live-0123456789${breaker}abcdef`;
    attack('20', door.name, `a secret with ${what} in a header`, async (saw) => {
      await storedOnce(`broken_${what}`, value);
      expectRefused(saw(await door.use(site.agent, slug(`broken_${what}`))));
    });
    attack('20', door.name, `a secret with ${what} in the query`, async (saw) => {
      await storedOnce(`broken_${what}`, value);
      const asked = { url: url('/?k={{CREDENTIAL}}'), headers: {} };
      expect(saw(await door.use(site.agent, slug(`broken_${what}`), asked))).toMatchObject({ status: 200, code: null });
      expect(new URL(url(arrived().target)).searchParams.get('k')).toBe(value);
      expect(arrived().headers).not.toHaveProperty('x-injected');
    });
  }

  for (const method of ['PROPFIND', 'M-SEARCH', 'delete'].filter((one) => door.name === 'execute' || one === 'delete'))
    attack('22', door.name, `${method}, which is a method`, async (saw) => {
      expect(saw(await door.use(site.agent, 'key', { method }))).toMatchObject({ status: 200, code: null });
      expect(arrived().method).toBe(method.toUpperCase());
    });

  for (const [target, canonical] of [
    ['/a/./b/../c', '/a/c'],
    ['/a/%2e%2e/%2E/c', '/c'],
    ['/a/.%2e/c', '/c'],
    ['/../../c', '/c'],
    ['/a%2Fb/..%2fc', '/a%2Fb/..%2Fc'],
    ['/a%5c..%5cc', '/a%5C..%5Cc'],
    ['/a/..;/c', '/a/..;/c'],
    ['/a//b', '/a//b'],
    ['//evil.com/', '//evil.com/'],
    ['/%252e%252e/c', '/%252e%252e/c'],
    ['/%7euser/%c3%a9', '/~user/%C3%A9'],
    ['/a%00b', '/a%00b'],
    ['', '/'],
    ['?', '/'],
    ['/a?/../b', '/a?/../b'],
  ] as const)
    attack('23', door.name, `the path ${target}`, async (saw) => {
      const seen = await door.use(site.agent, 'key', { url: url(target) });
      // A route takes a target in its normal form only.
      if (door.name === 'stream' && target !== canonical && seen.code !== null)
        return expectRefused(saw(seen), 'malformed_request');
      expect(seen).toMatchObject({ status: 200, code: null });
      saw(`arrived as ${arrived().target}`);
      expect(arrived().target).toBe(canonical);
    });

  for (const target of [
    '/v1/models/../secrets',
    '/v1/models/%2e%2e/secrets',
    '/v1/models/..%2fsecrets',
    '/v1/models/..%2F..%2Fsecrets',
    '/v1/models/..%252fsecrets',
    '/v1/models/%2e%2e%2fsecrets',
    '/v1/models/..%5csecrets',
    '/v1/models/..;/secrets',
    '/v1/models/..%3b/secrets',
    '/v1/models/..%00/secrets',
    '/v1/models/%c0%ae%c0%ae/secrets',
    '/v1/models%2f..%2fsecrets',
    '/v1/modelsx',
    '/v1%2fmodels',
    '/V1/models',
    '//v1/models',
    '/v1//models',
    '/v1/model',
    '/?/v1/models',
  ])
    attack('23', door.name, `bound to /v1/models, the path ${target}`, async (saw) => {
      const seen = saw(await door.use(site.agent, 'paths', { url: url(target) }));
      if (door.name === 'stream' && seen.code === 'malformed_request') return expectRefused(seen, 'malformed_request');
      expectRefused(seen, 'path_not_allowed', 403);
    });
  for (const name of ['X-Original-URL', 'X-Rewrite-URL'])
    attack('23', door.name, `bound to /v1/models, the header ${name}: /secrets`, async (saw) => {
      const asked = { url: url('/v1/models'), headers: { authorization: '{{CREDENTIAL}}', [name]: '/secrets' } };
      expectRefused(saw(await door.use(site.agent, 'paths', asked)), 'path_not_allowed', 403);
    });
  attack('23', door.name, 'bound to /v1/models, the path /v1/models/x', async (saw) => {
    expect(saw(await door.use(site.agent, 'paths', { url: url('/v1/models/x') }))).toMatchObject({ status: 200 });
    expect(arrived().target).toBe('/v1/models/x');
  });

  for (const [what, value] of BREAKERS)
    for (const [place, asked, read] of PLACES)
      attack('24', door.name, `${what} in ${place}`, async (saw) => {
        await storedOnce(what, value);
        const seen = saw(await door.use(site.agent, slug(what), asked));
        expect(seen).toMatchObject({ status: 200, code: null });
        expect(read(arrived())).toBe(value);
      });
  for (const value of ['..', '.'])
    attack('24', door.name, `a secret that is ${value} in the path`, async (saw) => {
      await storedOnce(`dots${value.length}`, value, { redact: false });
      const asked = { url: url('/a/{{CREDENTIAL}}/b'), headers: {} };
      expectRefused(saw(await door.use(site.agent, `dots${value.length}`, asked)));
    });

  attack('25', door.name, 'a secret that holds the placeholder, in every place', async (saw) => {
    await storedOnce('nested', NESTED);
    for (const [, asked, read] of PLACES) {
      site.upstream.received.length = 0;
      expect(saw(await door.use(site.agent, 'nested', asked))).toMatchObject({ status: 200, code: null });
      expect(read(arrived())).toBe(NESTED);
    }
  });
  attack('25', door.name, 'an answer that holds the placeholder', async (saw) => {
    const text = '{{CREDENTIAL}} {{CREDENTIAL.username}} %7B%7BCREDENTIAL%7D%7D';
    site.upstream.on('/placeholder', (_, response) => response.setHeader('x-echo', text).end(text));
    const seen = saw(await door.use(site.agent, 'key', { url: url('/placeholder') }));
    expect([seen.body.toString(), seen.redactions ?? 0]).toEqual([text, 0]);
    expect(seen.headers).toContainEqual(['x-echo', text]);
  });

  for (const [sent, target, query, expected] of [
    ['?k=1 and k', '/?k=1', { k: '{{CREDENTIAL}}' }, `/?k=${encoded}`],
    ['?%6b=1 and k', '/?%6b=1', { k: '{{CREDENTIAL}}' }, `/?k=${encoded}`],
    ['?k&k=2&a=3 and k', '/?k&k=2&a=3', { k: '{{CREDENTIAL}}' }, `/?a=3&k=${encoded}`],
    ['?K=1 and k', '/?K=1', { k: '{{CREDENTIAL}}' }, `/?K=1&k=${encoded}`],
    ['?k=1&k={{CREDENTIAL}}&k=2', '/?k=1&k={{CREDENTIAL}}&k=2', {}, `/?k=${encoded}`],
    ['?a+b=1&a%20b={{CREDENTIAL}}', '/?a+b=1&a%20b={{CREDENTIAL}}', {}, `/?a%20b=${encoded}`],
    // Without the secret too, where the door has parameters beside the URL.
    ...(door.name === 'execute' ? REPLACED : []),
  ] as const)
    attack('26', door.name, sent, async (saw) => {
      const seen = await door.use(site.agent, 'key', { url: url(target), query: { ...query }, headers: {} });
      expect(seen).toMatchObject({ status: 200, code: null });
      saw(`arrived as ${arrived().target.replaceAll(encoded, '…')}`);
      expect(arrived().target).toBe(expected);
    });

  attack('27', door.name, 'one that is unknown, one of another tenant, one without a grant', async (saw) => {
    const other = await site.app.newTenant();
    const more = { value: SECRET, allowed_domains: [H] };
    await other.admin('POST', '/v1/credentials', { name: 'theirs', ...more });
    await site.tenant.admin('POST', '/v1/credentials', { name: 'ours', ...more });
    const told = [];
    for (const name of ['theirs', 'ours', 'nobodys']) {
      const seen = saw(await door.use(site.agent, name));
      const { request_id: _, audit: __, ...problem } = JSON.parse(seen.body.toString()) as Record<string, unknown>;
      const headers = seen.headers.filter(([header]) => !UNLIKE.has(header));
      told.push({ status: seen.status, code: seen.code, headers, problem });
    }
    expect(told[0]).toMatchObject({ status: 404, code: 'credential_not_found' });
    expect([told[1], told[2]]).toEqual([told[0], told[0]]);
    expect(site.upstream.received).toEqual([]);
  });
}

/** Methods that the route itself does not have. */
const NO_ROUTE = new Set(['TRACE', 'trace', 'TRACK']);

/** What differs from one answer to the next, whatever was asked. */
const UNLIKE = new Set(['x-request-id', 'ratelimit', 'date', 'content-length', 'chancery-audit', 'dpop-nonce']);

const NESTED = 'sk-{{CREDENTIAL}}-$&-$1-{{CREDENTIAL}}-0123456789';

const stored = new Set<string>();
const slug = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');
async function storedOnce(what: string, value: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  if (stored.has(what)) return;
  stored.add(what);
  await site.credential(slug(what), more, value);
}
