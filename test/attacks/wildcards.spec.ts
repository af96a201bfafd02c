import { CONFIG } from '../../src/config/config.token.js';
import type { Config } from '../../src/config/environment.js';
import { attack } from '../support/attack-report.js';
import { type AttackSite, openAttackSite, SECRET } from '../support/attack-site.js';
import { UPSTREAM_HOST } from '../support/hostile-upstream.js';
import { DOORS } from '../support/use-doors.js';

jest.setTimeout(300_000);

let site: AttackSite;
beforeAll(async () => {
  site = await openAttackSite();
  const bound = (...domains: string[]) => ({ allowed_domains: domains, ports: [443, site.upstreamPort] });
  await site.credential('github', bound('*.github.com'));
  await site.credential('aws', bound('*.amazonaws.com'));
  await site.credential('deep', bound('*.api.github.com'));
  await site.credential('key');
});
beforeEach(() => void (site.upstream.received.length = 0));
afterAll(() => site?.close());

const FOREIGN: readonly (readonly [credential: string, host: string, code: string])[] = [
  ['github', 'evilgithub.com', 'domain_not_allowed'],
  ['github', 'github.com', 'domain_not_allowed'],
  ['github', 'github.com.evil.com', 'domain_not_allowed'],
  ['github', 'api.github.com.evil.com', 'domain_not_allowed'],
  ['github', 'api.github.co', 'domain_not_allowed'],
  ['github', 'api.github.comm', 'domain_not_allowed'],
  ['github', 'api-github.com', 'domain_not_allowed'],
  ['github', 'com', 'domain_not_allowed'],
  ['github', '.github.com', 'url_refused'],
  ['github', 'a..github.com', 'url_refused'],
  ['github', '*.github.com', 'url_refused'],
  ['github', 'api.github.com..', 'url_refused'],
  ['aws', 'evil-bucket.s3.amazonaws.com', 'domain_not_allowed'],
  ['aws', 'ec2-1-2-3-4.compute-1.amazonaws.com', 'domain_not_allowed'],
  // Of the same owner, so that nothing but the dots tells them apart.
  ['deep', 'evilapi.github.com', 'domain_not_allowed'],
  ['deep', 'api.github.com', 'domain_not_allowed'],
  ['deep', 'a.api.github.com.github.com', 'domain_not_allowed'],
];
const PATTERNS: Readonly<Record<string, string>> = {
  github: '*.github.com',
  aws: '*.amazonaws.com',
  deep: '*.api.github.com',
};

for (const door of DOORS) {
  for (const [credential, host, code] of FOREIGN) {
    attack('10', door.name, `${PATTERNS[credential]} against ${host}`, async (saw) => {
      const seen = saw(await door.use(site.agent, credential, { url: `https://${host}/` }));
      expect(seen).toMatchObject({ status: code === 'url_refused' ? 400 : 403, code });
      expect([site.upstream.received, site.dns.asked]).toEqual([[], []]);
    });
  }

  for (const host of ['api.github.com', 'a.b.github.com', 'Gist.GitHub.com.'])
    attack('11', door.name, `*.github.com against ${host}`, async (saw) => {
      const name = host.toLowerCase().replace(/\.$/, '');
      site.dns.say(name, '127.0.0.1');
      const seen = saw(await door.use(site.agent, 'github', { url: `https://${host}:${site.upstreamPort}/` }));
      expect(seen).toMatchObject({ status: 200, code: null });
      expect(site.upstream.received).toMatchObject([{ serverName: name }]);
      // Whoever opened the connection, nobody else's name was asked for.
      expect(site.dns.asked.splice(0).filter((question) => question.name !== name)).toEqual([]);
    });
}

const TOO_WIDE = ['*', '*.', '*.*', '**', '*.com', '.com', '*.co.uk', '*.github.io', '*.s3.amazonaws.com', '*.uk'];
const MALFORMED = ['api.*.com', '*api.com', 'a*.example.com', '**.example.com', '*.*.example.com', 'api.example.*'];
const NO_NAMES = ['[ab].com', 'a?b.com', '{a,b}.com', '(a|b).com', '^a.com$', 'a b.com', 'a\tb.com', '', 'localhost'];
const ADDRESSES = ['1.2.3.4', '0x7f.1', '2130706433', '127.1', '[::1]', '::1', '*.1.2.3', 'evil.com.1'];
const SPELLINGS = [
  'https://a.com',
  'a.com:443',
  'a.com/x',
  '//a.com',
  'u@a.com',
  'a.com#',
  'a.com\\',
  'ａ.com',
  'a。com',
];
const LABELS = ['a..com', '.a.com', '-a.com', 'a-.com', 'a_b.com', `${'a'.repeat(64)}.com`, 'a.com..', '%61.com'];

for (const domain of [...TOO_WIDE, ...MALFORMED, ...NO_NAMES, ...ADDRESSES, ...SPELLINGS, ...LABELS])
  attack('12', 'api', `storing ${JSON.stringify(domain)}`, async (saw) => {
    const body = { allowed_domains: ['fine.example.com', domain] };
    const stored = await site.tenant.admin('POST', '/v1/credentials', { name: 'refused', value: SECRET, ...body });
    saw({ status: stored.status, code: String(stored.body.code) });
    const expected = [400, domain === '' ? 'invalid_request' : 'domain_pattern_refused'];
    expect([stored.status, stored.body.code]).toEqual(expected);
    const bound = await site.tenant.admin('PUT', '/v1/credentials/key/binding', body);
    expect([bound.status, bound.body.code]).toEqual(expected);
    expect((await site.tenant.admin('GET', '/v1/credentials/refused')).status).toBe(404);
  });

/** Does `act` in a server that takes itself for a production. */
async function inProduction<T>(act: () => Promise<T>): Promise<T> {
  const config = site.app.app.get<{ -readonly [K in keyof Config]: Config[K] }>(CONFIG, { strict: false });
  config.environment = 'production';
  try {
    return await act();
  } finally {
    config.environment = 'test';
  }
}

for (const [sent, body] of [
  ['no domains', { allowed_domains: [] }],
  ['domains left out', {}],
] as const) {
  attack('13', 'api', `${sent}, in production`, async (saw) => {
    const value = { name: 'anywhere_production', value: SECRET, ...body };
    const stored = await inProduction(() => site.tenant.admin('POST', '/v1/credentials', value));
    saw({ status: stored.status, code: String(stored.body.code) });
    expect([stored.status, stored.body.code]).toEqual([400, 'domains_required']);
  });
}
attack('13', 'api', 'taking all domains away, in production', async (saw) => {
  const bound = await inProduction(() =>
    site.tenant.admin('PUT', '/v1/credentials/key/binding', { allowed_domains: [] }),
  );
  saw({ status: bound.status, code: String(bound.body.code) });
  expect([bound.status, bound.body.code]).toEqual([400, 'domains_required']);
});
attack('8', 'api', 'binding a credential to cleartext, in production', async (saw) => {
  const bound = await inProduction(() =>
    site.tenant.admin('PUT', '/v1/credentials/key/binding', { allowed_domains: [UPSTREAM_HOST], cleartext: true }),
  );
  saw({ status: bound.status, code: String(bound.body.code) });
  expect([bound.status, bound.body.code]).toEqual([400, 'cleartext_refused']);
});

for (const door of DOORS) {
  attack('8', door.name, `http://${UPSTREAM_HOST}/, in production`, async (saw) => {
    const seen = await inProduction(() => door.use(site.agent, 'key', { url: `http://${UPSTREAM_HOST}/` }));
    expect(saw(seen)).toMatchObject({ status: 400, code: 'url_refused' });
    expect(site.upstream.received).toEqual([]);
  });

  attack('13', door.name, 'no domains, in development: flagged in every listing and entry', async (saw) => {
    const name = `anywhere_${door.name}`;
    await site.credential(name, { allowed_domains: [] });
    const { body } = await site.tenant.admin<{ data: { name: string; flags: string[] }[] }>('GET', '/v1/credentials');
    expect(body.data.find((credential) => credential.name === name)?.flags).toEqual(['unrestricted_domains']);
    expect((await site.tenant.admin('GET', `/v1/credentials/${name}`)).body.flags).toEqual(['unrestricted_domains']);
    const seen = saw(await door.use(site.agent, name));
    expect(seen.status).toBe(200);
    const entries = (await site.lastEntries(20)).map(({ entry }) => entry);
    for (const action of ['credential.store', 'credential.use'])
      expect(entries.find((entry) => entry.action === action)?.details.flags).toEqual(['unrestricted_domains']);
  });
}
