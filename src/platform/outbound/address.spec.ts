import fc from 'fast-check';
import { classifyAddress, privateRange } from './address.js';

describe('ATTACKS 15: cloud metadata is never dialled', () => {
  test.each([
    '169.254.169.254',
    '169.254.170.2',
    '169.254.170.23',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    'fd00:ec2::254',
    'fd00:ec2::23',
    'fd20:ce::254',
    'fe80::a9fe:a9fe',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '64:ff9b::169.254.169.254',
    '2002:a9fe:a9fe::1',
  ])('%s', (address) => expect(classifyAddress(address)).toBe('never'));
});

describe('ATTACKS 14: spellings and wrappings of an address are never dialled', () => {
  test.each([
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '127.1',
    '127.0.0',
    '①②⑦.⓪.⓪.①',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',

    '::ffff:8.8.8.8',
    '::ffff:127.0.0.1',
    '::127.0.0.1',
    '::8.8.8.8',
    '2002:7f00:1::',
    '2002:808:808::1',
    '2001:0:808:808::1',

    '64:ff9b::127.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::8.8.8.8',
    '::ffff:0:8.8.8.8',
    'fe80::1',
    'fe80::1%eth0',
    '2606:4700::1%1',
    'fec0::1',
    'ff02::1',
    '::',
    '100::1',
    '5f00::1',
    '4000::1',
    '0.0.0.0',
    '0.1.2.3',
    '224.0.0.1',
    '255.255.255.255',
    '',
    'localhost',
    ' 8.8.8.8',
    '8.8.8.8 ',
  ])('%j', (address) => expect(classifyAddress(address)).toBe('never'));
});

describe('private networks need the dial policy', () => {
  test.each([
    '127.0.0.1',
    '127.255.0.1',
    '::1',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',

    'fd12:3456::1',
    'fc00::1',
    '198.18.0.1',
    '192.0.2.1',
    '203.0.113.9',
    '240.0.0.1',
    '2001:db8::1',
    '3fff::1',
    '64:ff9b::8.8.8.8',
  ])('%s', (address) => expect(classifyAddress(address)).toBe('restricted'));
});

test.each([
  '8.8.8.8',
  '1.1.1.1',
  '172.32.0.1',
  '100.128.0.1',
  '2606:4700:4700::1111',
  '2001:4860:4860::8888',
  '2a00:1450::1',
])('%s is public', (address) => expect(classifyAddress(address)).toBe('public'));

test('P: no IPv4 address becomes dialable by being wrapped in IPv6', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      for (const prefix of ['::ffff:', '::', '::ffff:0:', '64:ff9b:1::'])
        expect(classifyAddress(`${prefix}${address}`)).not.toBe('public');
      const viaNat64 = classifyAddress(`64:ff9b::${address}`);
      expect(viaNat64).toBe(classifyAddress(address) === 'public' ? 'restricted' : 'never');
    }),
  );
});

test.each([
  ['10.20.0.0/16', '10.20.0.0/16'],
  ['10.20.3.4/16', '10.20.0.0/16'],
  ['192.168.1.7/32', '192.168.1.7/32'],
  ['FD12:0:0::1/16', 'fd12::/16'],
  ['127.0.0.0/8', '127.0.0.0/8'],
])('the private range %s is kept as %s', (text, kept) => expect(privateRange(text)).toBe(kept));

test.each([
  '',
  '10.0.0.0',
  '10/8',
  '10.0.0.0/33',
  '10.0.0.0/08',
  '10.0.0.0/8/8',
  '10.0.0.0/-1',
  '0x0a.0.0.0/8',
  '8.8.8.0/24',
  '0.0.0.0/0',
  '::/0',
  '169.254.0.0/16',
  'fd00:ec2::/32',
  'fe80::/10',
  '::ffff:10.0.0.0/104',
  'fd12::1%eth0/64',
  'a.example/8',
])('%j is no private range', (text) => expect(privateRange(text)).toBeNull());
