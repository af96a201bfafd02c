import fc from 'fast-check';
import { DialPolicy, type DialPolicyOptions } from './dial-policy.js';

const policy = (options: Partial<DialPolicyOptions> = {}, local: string[] = []) =>
  new DialPolicy({ allowRanges: [], own: [], resolve: new Map(), ...options }, () => local);

test('ATTACKS 16: private addresses only where the dial policy lists the range', () => {
  expect(policy().permits('8.8.8.8', 443)).toBe(true);
  expect(policy().permits('10.1.2.3', 443)).toBe(false);
  const listed = policy({ allowRanges: ['10.1.0.0/16', 'fd12::/16'] });
  expect(listed.permits('10.1.2.3', 443)).toBe(true);
  expect(listed.permits('10.2.2.3', 443)).toBe(false);
  expect(listed.permits('fd12::1', 443)).toBe(true);
  expect(listed.permits('fd13::1', 443)).toBe(false);
});

test.each(['169.254.169.254', '168.63.129.16', '100.100.100.200', 'fd00:ec2::254', '::ffff:10.0.0.1', '0.0.0.0'])(
  'ATTACKS 15: %s is refused whatever the dial policy lists',
  (address) => expect(policy({ allowRanges: ['0.0.0.0/0', '::/0'] }).permits(address, 80)).toBe(false),
);

test('ATTACKS 17: our own listeners are refused, also behind a listed range', () => {
  const options = { allowRanges: ['127.0.0.0/8', '10.0.0.0/8', '::1/128'] };
  const own = policy({ ...options, own: [{ address: '127.0.0.1', port: 3000 }] });
  expect(own.permits('127.0.0.1', 3000)).toBe(false);
  expect(own.permits('127.0.0.1', 3001)).toBe(true);

  const everywhere = policy({ ...options, own: [{ address: '0.0.0.0', port: 3000 }] }, ['10.0.0.7']);
  expect(everywhere.permits('10.0.0.7', 3000)).toBe(false);
  expect(everywhere.permits('127.0.0.9', 3000)).toBe(false);
  expect(everywhere.permits('::1', 3000)).toBe(false);
  expect(everywhere.permits('10.0.0.8', 3000)).toBe(true);
});

test('ATTACKS 17: a listener learned after the start counts, also for a public address', () => {
  const started = policy();
  expect(started.permits('8.8.8.8', 443)).toBe(true);
  started.addOwn({ address: '8.8.8.8', port: 443 });
  expect(started.permits('8.8.8.8', 443)).toBe(false);
});

test('a development override reaches loopback for its name only, and never our own listeners', () => {
  const endpoint = { address: '127.0.0.1', port: 9443 };
  const development = policy({
    resolve: new Map([['API.upstream.test', endpoint]]),
    own: [{ address: '::', port: 3000 }],
  });
  expect(development.overrideFor('api.upstream.test')).toEqual(endpoint);
  expect(development.overrideFor('other.upstream.test')).toBeUndefined();
  expect(development.permits('127.0.0.1', 9443)).toBe(false);
  expect(development.permitsOverride(endpoint)).toBe(true);
  expect(development.permitsOverride({ address: '127.0.0.1', port: 3000 })).toBe(false);
});

test.each(['10.0.0.1', '8.8.8.8', '169.254.169.254', 'localhost'])(
  'a development override to %s stops the start',
  (address) => {
    expect(() => policy({ resolve: new Map([['api.upstream.test', { address, port: 1 }]]) })).toThrow('loopback');
  },
);

test('a range that is none stops the start', () => expect(() => policy({ allowRanges: ['10.0.0.0'] })).toThrow('CIDR'));

describe('a call that is bound to private ranges', () => {
  const listed = policy({ allowRanges: ['10.0.0.0/8', 'fd12::/16'], own: [{ address: '10.1.0.9', port: 3000 }] });
  const bound = listed.within(['10.1.0.0/16', '192.168.0.0/16']);

  test.each([
    ['8.8.8.8', true, 'public'],
    ['10.1.2.3', true, 'in its range and in the deployment’s'],
    ['10.2.2.3', false, 'in the deployment’s only'],
    ['192.168.1.1', false, 'in its range only'],
    ['fd12::1', false, 'of the other family, in the deployment’s only'],
    ['169.254.169.254', false, 'metadata'],
  ])('reaches %s: %p (%s)', (address, reached) => expect(bound.permits(address, 443)).toBe(reached));

  test('never reaches our own listeners, and one that is bound to no range reaches what is listed', () => {
    expect(bound.permits('10.1.0.9', 3000)).toBe(false);
    expect(listed.permits('10.2.2.3', 443)).toBe(true);
  });

  test('P: reaches nothing that the deployment’s policy refuses', () => {
    const range = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([base, bits]) => `${base}/${bits}`);
    const ranges = fc.array(range, { maxLength: 4 });
    const beyond = fc.property(ranges, ranges, fc.ipV4(), (all, own, at) => {
      const deployment = policy({ allowRanges: all });
      expect(deployment.permits(at, 443) || !deployment.within(own).permits(at, 443)).toBe(true);
    });
    fc.assert(beyond);
  });
});
