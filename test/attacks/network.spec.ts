import { attack } from '../support/attack-report.js';
import { type AttackSite, DNS_DOMAIN, openAttackSite } from '../support/attack-site.js';
import { adminUrl } from '../support/cluster.js';
import { addresses, type Script } from '../support/hostile-dns.js';
import { UPSTREAM_HOST } from '../support/hostile-upstream.js';
import type { SeenUse, UseDoor } from '../support/use-door.js';
import { DOORS } from '../support/use-doors.js';

jest.setTimeout(300_000);

/** What an operator lists by mistake or for want of care; of loopback only one address. */
const DIAL_ALLOW = ['127.0.0.1/32', '169.254.0.0/16', '100.64.0.0/10', '192.0.0.0/24', '168.63.129.16/32'];
const DIAL_ALLOW_V6 = ['fd00:ec2::/32', 'fd20:ce::/32', 'fe80::/10', '::ffff:0:0/96', '64:ff9b::/96', '2002::/16'];

const PATIENCE_MS = 30_000;

let site: AttackSite;
beforeAll(async () => {
  site = await openAttackSite({ env: { CHANCERY_DIAL_ALLOW: [...DIAL_ALLOW, ...DIAL_ALLOW_V6].join(',') } });
  await site.credential('key', {
    allowed_domains: [`*.${DNS_DOMAIN}`],
    ports: [443, site.upstreamPort, ...ownPorts()],
  });
  await site.credential('home');
});
beforeEach(() => {
  site.upstream.on('/', (_, response) => response.end('{}'));
  site.upstream.received.length = 0;
  site.dns.asked.length = 0;
});
afterAll(() => site?.close());

const ownPorts = (): number[] => [...Object.values(site.app.at), adminUrl()].map((url) => Number(new URL(url).port));

let count = 0;
/** A name nobody asked for yet, so that no connection is kept for it. */
function freshName(): string {
  count += 1;
  return `n${count}.${DNS_DOMAIN}`;
}

const useAt = (door: UseDoor, name: string, port = site.upstreamPort, timeoutMs = PATIENCE_MS): Promise<SeenUse> =>
  door.use(site.agent, 'key', { url: `https://${name}:${port}/` }, { timeoutMs });

/** Refused, nothing dialled, and the name asked for once in each family: no second look that could say something else. */
function expectRefused(seen: SeenUse, name: string): void {
  expect(seen).toMatchObject({ status: 403, code: 'upstream_address_refused' });
  expect(site.upstream.received).toEqual([]);
  expect(
    site.dns.asked
      .filter(({ over }) => over === 'udp')
      .map((question) => question.type)
      .sort(),
  ).toEqual(['A', 'AAAA']);
  expect(site.dns.asked.every((question) => question.name === name)).toBe(true);
  expect(seen.body.toString()).not.toContain(DNS_DOMAIN);
}

const RESOLVED: readonly (readonly [row: string, what: string, answers: readonly string[]])[] = [
  ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::127.0.0.1'].map(
    (a) => ['14', 'mapped', [a]] as const,
  ),
  ...['64:ff9b::a9fe:a9fe', '64:ff9b::7f00:1', '64:ff9b:1::7f00:1'].map((a) => ['14', 'NAT64', [a]] as const),
  ...['2002:7f00:1::', '2002:a9fe:a9fe::1', '2001:0:7f00:1::'].map((a) => ['14', '6to4, Teredo', [a]] as const),
  ...['fc00::1', 'fd12:3456::1', 'fe80::1', 'fec0::1', 'ff02::1'].map((a) => ['14', 'local', [a]] as const),
  ...['169.254.169.254', '169.254.170.2', '169.254.170.23', '100.100.100.200', '192.0.0.192', '168.63.129.16'].map(
    (a) => ['15', 'metadata', [a]] as const,
  ),
  ...['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254', '::ffff:169.254.169.254', 'fe80::a9fe:a9fe'].map(
    (a) => ['15', 'metadata', [a]] as const,
  ),
  ...['127.0.0.2', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '::1', '0.0.0.0', '0.1.2.3', '::'].map(
    (a) => ['16', 'private', [a]] as const,
  ),
  ...['198.18.0.1', '192.0.2.1', '203.0.113.9', '224.0.0.1', '240.0.0.1', '255.255.255.255', '2001:db8::1'].map(
    (a) => ['16', 'reserved', [a]] as const,
  ),
  ['16', 'mixed', ['93.184.216.34', '10.0.0.1']],
  ['16', 'mixed', ['10.0.0.1', '93.184.216.34']],
  ['16', 'mixed', ['127.0.0.1', '127.0.0.2']],
  ['16', 'mixed', ['127.0.0.1', '::1']],
  ['16', 'mixed', ['127.0.0.1', '169.254.169.254']],
  ['16', 'mixed', ['2606:4700:4700::1111', 'fd12::1']],
];

for (const door of DOORS) {
  for (const [row, what, answers] of RESOLVED)
    attack(row, door.name, `a name that resolves to ${answers.join(', ')} (${what})`, async (saw) => {
      const name = freshName();
      site.dns.say(name, ...answers);
      expectRefused(saw(await useAt(door, name)), name);
    });

  attack('16', door.name, 'a name with 40 addresses', async (saw) => {
    const name = freshName();
    site.dns.say(name, ...Array.from({ length: 40 }, (_, index) => `93.184.216.${index}`));
    expectRefused(saw(await useAt(door, name)), name);
  });

  /** The answer of one family, over TCP because the first was cut off, behind aliases, from one who was not asked. */
  const SCRIPTS: readonly (readonly [what: string, script: (name: string) => Script, permitted: boolean])[] = [
    ['127.0.0.1, which the dial policy lists', (name) => v4(name, '127.0.0.1'), true],
    ['an alias of an alias of 127.0.0.1', (name) => chain(name, '127.0.0.1'), true],
    ['an alias of an alias of 10.0.0.1', (name) => chain(name, '10.0.0.1'), false],
    ['an alias of an alias of 169.254.169.254', (name) => chain(name, '169.254.169.254'), false],
    ['127.0.0.1 over TCP', (name) => overTcp(name, '127.0.0.1'), true],
    ['10.0.0.1 over TCP', (name) => overTcp(name, '10.0.0.1'), false],
    ['an IPv4 answer among the IPv6 ones', (name) => crossed(name), false],
  ];
  for (const [what, script, permitted] of SCRIPTS)
    attack('16', door.name, `a name that resolves to ${what}`, async (saw) => {
      const name = freshName();
      site.dns.on(name, script(name));
      const seen = saw(await useAt(door, name));
      if (!permitted) return expectRefused(seen, name);
      expect(seen).toMatchObject({ status: 200, code: null });
      expect(site.upstream.received).toMatchObject([
        { serverName: name, headers: { host: `${name}:${site.upstreamPort}` } },
      ]);
    });

  attack('16', door.name, 'an answer that changes between check and dial', async (saw) => {
    const name = freshName();
    site.dns.on(name, ({ type }, times) => ({
      records: type === 'A' ? addresses(name, [times === 1 ? '127.0.0.1' : '10.0.0.1']) : [],
    }));
    site.upstream.on('/', (_, response) => response.setHeader('connection', 'close').end('{}'));
    // Asked once, and what was checked is what was dialled; the next connection asks again, and is refused.
    expect(saw(await useAt(door, name))).toMatchObject({ status: 200, code: null });
    expect(site.dns.asked).toHaveLength(2);
    site.dns.asked.length = 0;
    site.upstream.received.length = 0;
    expectRefused(saw(await useAt(door, name)), name);
  });

  attack('16', door.name, 'an answer that turns good when asked again', async (saw) => {
    const name = freshName();
    site.dns.on(name, ({ type }, times) => ({
      records: type === 'A' ? addresses(name, [times === 1 ? '10.0.0.1' : '127.0.0.1']) : [],
    }));
    expectRefused(saw(await useAt(door, name)), name);
  });

  for (const [index, listener] of ['tenant listener', 'public listener', 'ops listener', 'database'].entries())
    attack('17', door.name, `the port of the ${listener}, at 127.0.0.1, which the dial policy lists`, async (saw) => {
      const name = freshName();
      site.dns.say(name, '127.0.0.1');
      expectRefused(saw(await useAt(door, name, ownPorts()[index])), name);
    });

  attack('18', door.name, 'HTTP_PROXY, HTTPS_PROXY, ALL_PROXY of the server, NO_PROXY empty', async (saw) => {
    const proxy = await site.upstreams.tcp(() => undefined);
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];
    const value = `http://127.0.0.1:${proxy.port}`;
    const proxies = Object.fromEntries(names.map((name) => [name, value]));
    const replaced = jest.replaceProperty(process, 'env', {
      ...process.env,
      ...proxies,
      NO_PROXY: '',
      NODE_USE_ENV_PROXY: '1',
    });
    try {
      const name = freshName();
      site.dns.say(name, '127.0.0.1');
      expect(saw(await useAt(door, name))).toMatchObject({ status: 200, code: null });
    } finally {
      replaced.restore();
    }
    expect(proxy.connections()).toBe(0);
  });

  for (const status of [300, 301, 302, 303, 305, 307, 308])
    for (const [what, to] of [
      ['another path', '/elsewhere'],
      ['a foreign host', 'https://evil.com/'],
      ['the metadata service', 'http://169.254.169.254/latest/meta-data/'],
    ] as const)
      attack('19', door.name, `${status} to ${what}, with the secret in it`, async (saw) => {
        site.upstream.on('/', (request, response) =>
          response.writeHead(status, { location: `${to}?key=${request.headers['x-key'] as string}` }).end(),
        );
        const headers = { 'x-key': '{{CREDENTIAL}}' };
        const seen = saw(
          await door.use(site.agent, 'home', { url: `https://${UPSTREAM_HOST}/`, method: 'POST', headers }),
        );
        expect(seen).toMatchObject({ status, code: null });
        expect(seen.headers.find(([name]) => name === 'location')?.[1]).toBe(`${to}?key=[redacted]`);
        expect([site.upstream.received.length, site.dns.asked]).toEqual([1, []]);
      });

  const FAILURES: readonly (readonly [what: string, script: Script, expected: readonly [number, string]])[] = [
    ['NXDOMAIN', () => ({ rcode: 'NXDOMAIN' }), [502, 'upstream_unreachable']],
    ['SERVFAIL', () => ({ rcode: 'SERVFAIL' }), [502, 'upstream_unreachable']],
    ['REFUSED', () => ({ rcode: 'REFUSED' }), [502, 'upstream_unreachable']],
    ['no address at all', () => ({}), [502, 'upstream_unreachable']],
    [
      'an alias of nothing',
      ({ name }) => ({ records: [alias(name, `gone.${DNS_DOMAIN}`)] }),
      [502, 'upstream_unreachable'],
    ],
    ['an alias of itself', ({ name }) => ({ records: [alias(name, name)] }), [502, 'upstream_unreachable']],
    [
      'SERVFAIL for one family only',
      ({ type, name }) => (type === 'A' ? { records: addresses(name, ['127.0.0.1']) } : { rcode: 'SERVFAIL' }),
      [502, 'upstream_unreachable'],
    ],
    ['silence', () => null, [504, 'upstream_timeout']],
    ['bytes that are no message', () => Buffer.from('no message'), [502, 'upstream_unreachable']],
  ];
  for (const [what, script, [status, code]] of FAILURES)
    attack('33', door.name, `DNS answers ${what}`, async (saw) => {
      const name = freshName();
      site.dns.on(name, script);
      const seen = saw(await useAt(door, name, site.upstreamPort, code === 'upstream_timeout' ? 300 : PATIENCE_MS));
      expect(seen).toMatchObject({ status, code });
      expect(seen.body.toString()).not.toContain(name);
      expect(await site.outcomeOf(seen.seq)).toMatchObject({ outcome: 'failure', details: { code } });
      expect(site.upstream.received).toEqual([]);
    });
}

const alias = (name: string, value: string) => ({ name, type: 'CNAME' as const, value });

const v4 =
  (name: string, address: string): Script =>
  ({ type }) => ({
    records: type === 'A' ? addresses(name, [address]) : [],
  });

function chain(name: string, address: string): Script {
  const [first, second] = [`first.${name}`, 'localhost'];
  return ({ type }) => ({
    records: [alias(name, first), alias(first, second), ...(type === 'A' ? addresses(second, [address]) : [])],
  });
}

function overTcp(name: string, address: string): Script {
  return (question, times, over) =>
    over === 'udp' ? { truncated: true } : (v4(name, address)(question, times, over) ?? {});
}

/** The question for AAAA is answered with an address of the other family as well. */
const crossed =
  (name: string): Script =>
  ({ type }) => ({
    records:
      type === 'A'
        ? addresses(name, ['127.0.0.1'])
        : [...addresses(name, ['10.0.0.1']), ...addresses(name, ['fd12::1'])],
  });
