import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Secret } from './secret.js';
import { aad, unwrap, wrap, WrapError } from './wrap.js';

const key = () => new Secret(randomBytes(32));
const bound = aad(['test/v1', 'a', 'b']);

test('what was wrapped opens again, at any length, into bytes of its own', () => {
  const k = key();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const wrapped = wrap(k, new Secret(Buffer.from(bytes)), bound);
      expect(wrapped).toHaveLength(1 + 12 + bytes.length + 16);
      expect(unwrap(k, wrapped, bound).bytes).toEqual(Buffer.from(bytes));
    }),
  );
});

test('two wraps of one plaintext differ: the IV is fresh', () => {
  const k = key();
  const secret = Secret.fromUtf8('same');
  expect(wrap(k, secret, bound)).not.toEqual(wrap(k, secret, bound));
});

test('any flipped bit, cut or added byte is refused', () => {
  const k = key();
  const wrapped = wrap(k, Secret.fromUtf8('the quick brown fox'), bound);
  fc.assert(
    fc.property(fc.nat(wrapped.length * 8 - 1), (bit) => {
      const bent = Buffer.from(wrapped);
      bent[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => unwrap(k, bent, bound)).toThrow(WrapError);
    }),
  );
  for (let n = 0; n < wrapped.length; n += 1) expect(() => unwrap(k, wrapped.subarray(0, n), bound)).toThrow(WrapError);
  expect(() => unwrap(k, Buffer.concat([wrapped, Buffer.of(0)]), bound)).toThrow(WrapError);
});

test('another key, other AAD or another expected length is refused', () => {
  const k = key();
  const wrapped = wrap(k, Secret.fromUtf8('0123456789abcdef'), bound);
  expect(() => unwrap(key(), wrapped, bound)).toThrow(WrapError);
  expect(() => unwrap(k, wrapped, aad(['test/v1', 'b', 'a']))).toThrow(WrapError);
  expect(() => unwrap(k, wrapped, bound, 15)).toThrow(WrapError);
  expect(unwrap(k, wrapped, bound, 16).bytes).toHaveLength(16);
});

test('AAD is injective: different field lists never give the same bytes', () => {
  const list = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\0', 'é', '\u0001'), maxLength: 3 }), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(list, list, (left, right) => {
      const same = JSON.stringify(left) === JSON.stringify(right);
      expect(aad(['s', ...left]).equals(aad(['s', ...right]))).toBe(same);
    }),
    { numRuns: 2000 },
  );
  expect(aad(['s', 'ab', 'c'])).not.toEqual(aad(['s', 'a', 'bc']));
  expect(() => aad(['s', '\ud800'])).toThrow('well-formed');
});

test('a key that is short or wiped is no key', () => {
  expect(() => wrap(new Secret(Buffer.alloc(16)), Secret.fromUtf8('x'), bound)).toThrow('32 bytes');
  const wiped = key();
  wiped.zero();
  expect(() => wrap(wiped, Secret.fromUtf8('x'), bound)).toThrow('zeroed');
});
