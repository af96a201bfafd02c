import { BlockList } from 'node:net';
import fc from 'fast-check';
import { classifyAddress } from '../../src/platform/outbound/address.js';
import { DialPolicy } from '../../src/platform/outbound/dial-policy.js';
import { resolveValidated } from '../../src/platform/outbound/resolve-validated.js';
import { PROPERTY_TIMEOUT_MS, runs } from './runs.js';

jest.setTimeout(PROPERTY_TIMEOUT_MS);

/** What the registries of IANA and the clouds' manuals set apart, in Node's own matcher: nothing in here is public. */
const special = new BlockList();
for (const [net, bits] of [
  ...([
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.0.0.0/24',
  ] as const),
  ...(['192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.175.48.0/24'] as const),
  ...(['192.0.2.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3'] as const),
  '168.63.129.16/32',
].map((range) => range.split('/') as [string, string]))
  special.addSubnet(net, Number(bits), 'ipv4');
for (const [net, bits] of [
  ...(['2001:db8::/32', '2002::/16', '2001::/32', '3fff::/20', '2001:10::/28', '2001:20::/28'] as const),
].map((range) => range.split('/') as [string, string]))
  special.addSubnet(net, Number(bits), 'ipv6');
const globalUnicast = new BlockList();
globalUnicast.addSubnet('2000::', 3, 'ipv6');

/** Every range's edges, and addresses everywhere else. */
const EDGES = [
  '0',
  '9',
  '10',
  '11',
  '99',
  '100',
  '101',
  '126',
  '127',
  '128',
  '168',
  '169',
  '171',
  '172',
  '173',
  '191',
  '192',
];
const octet = fc.integer({ min: 0, max: 255 }).map(String);
const edge = fc.oneof(
  fc.constantFrom(...EDGES, '193', '197', '198', '199', '203', '223', '224', '239', '240', '255'),
  octet,
);
const second = fc.oneof(
  fc.constantFrom('0', '15', '16', '17', '18', '19', '31', '32', '51', '63', '64', '127', '128', '168', '254'),
  octet,
);
const ipv4 = fc.tuple(edge, second, octet, octet).map((octets) => octets.join('.'));
const PREFIXES = [
  '2000',
  '2001',
  '2001:db8',
  '2002',
  '2606:4700',
  '3fff',
  '3ffe',
  '64:ff9b',
  '64:ff9b:1',
  '100',
  'fc00',
  'fd00:ec2',
];
const ipv6 = fc.oneof(
  fc.ipV6(),
  fc
    .tuple(
      fc.constantFrom(...PREFIXES, 'fe80', 'fec0', 'ff02', '4000', '5f00'),
      fc.integer({ min: 0, max: 0xffff }),
      ipv4,
    )
    .map(([prefix, group, four]) => `${prefix}::${group.toString(16)}:${four}`),
);

test('an IPv4 address is public exactly when nothing sets it apart', () => {
  fc.assert(
    fc.property(ipv4, (address) => {
      expect(classifyAddress(address) === 'public').toBe(!special.check(address, 'ipv4'));
    }),
    runs(20_000),
  );
});

test('an IPv6 address is public only within global unicast, and never where something is wrapped in it', () => {
  fc.assert(
    fc.property(ipv6, (address) => {
      if (classifyAddress(address) !== 'public') return;
      expect(globalUnicast.check(address, 'ipv6')).toBe(true);
      expect(special.check(address, 'ipv6')).toBe(false);
    }),
    runs(20_000),
  );
});

test('a spelling that is not the plain one is never dialled', () => {
  const spelled = fc.tuple(ipv4, fc.nat(5)).map(([address, how]) => {
    const octets = address.split('.').map(Number) as [number, number, number, number];
    const [a, b, c, d] = octets;
    return [
      String(((a * 256 + b) * 256 + c) * 256 + d),
      octets.map((one) => `0x${one.toString(16)}`).join('.'),
      octets.map((one) => `0${one.toString(8)}`).join('.'),
      `${a}.${b}.${c * 256 + d}`,
      `0x${octets.map((one) => one.toString(16).padStart(2, '0')).join('')}`,
      `${address}.`,
    ][how] as string;
  });
  fc.assert(
    fc.property(
      fc.oneof(
        spelled,
        fc.string({ maxLength: 20 }),
        ipv6.map((address) => `${address}%eth0`),
      ),
      (text) => {
        fc.pre(
          !/^(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})$/.test(text) &&
            !/^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text),
        );
        expect(classifyAddress(text)).toBe('never');
      },
    ),
    runs(5_000),
  );
});

test('of any answers of a resolver, either all are dialled as they came, or none', async () => {
  const policy = new DialPolicy(
    { allowRanges: ['10.1.0.0/16'], own: [{ address: '10.1.0.1', port: 443 }], resolve: new Map() },
    () => [],
  );
  const answer = fc.oneof(
    ipv4,
    ipv6,
    fc.constantFrom('10.1.0.1', '10.1.2.3', '10.2.0.1', '8.8.8.8', '2606:4700::1111', 'x'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(answer, { minLength: 1, maxLength: 4 }), async (answers) => {
      const lookup = () =>
        Promise.resolve(answers.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
      const dialled = await resolveValidated('a.example', 443, policy, lookup).catch(() => null);
      const isGood = answers.every((address) => policy.permits(address, 443));
      expect(dialled?.map(({ address }) => address) ?? null).toEqual(isGood ? answers : null);
      for (const { address } of dialled ?? [])
        expect(classifyAddress(address) === 'public' || /^10\.1\.(?!0\.1$)/.test(address)).toBe(true);
    }),
    runs(5_000),
  );
});
