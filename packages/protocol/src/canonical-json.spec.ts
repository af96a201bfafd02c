import rfc8785 from 'canonicalize';
import fc from 'fast-check';
import { describeVectors, vectorNames } from '../test/vectors.js';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { utf8 } from './bytes.js';
import { assertCanonical, CanonicalJsonError, canonicalize } from './canonical-json.js';
import { parseStrict } from './strict-json.js';
import { anyCodePoint } from '../test/any-code-point.js';

function refusal(act: () => unknown): string {
  try {
    act();
    return 'accepted';
  } catch (error) {
    return (error as CanonicalJsonError).code;
  }
}

const key = fc.oneof(
  fc.string({ unit: anyCodePoint(fc) }),
  fc.constantFrom('__proto__', 'toJSON', '10', '9', '\u{1f600}', '\ufb33'),
);
const strictValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false, -0),
    fc.maxSafeInteger(),
    fc.string({ unit: anyCodePoint(fc) }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(key, tie('value'), { maxKeys: 6 }),
  ),
})).value;

test('writes what the canonicalize package writes, and reads back as the same value', () => {
  fc.assert(
    fc.property(strictValue, (value) => {
      const text = canonicalize(value);
      expect(text).toBe(rfc8785(value));
      expect(rfc8785(parseStrict(text))).toBe(text);
      expect(canonicalize(assertCanonical(utf8(text)))).toBe(text);
    }),
    { numRuns: 500 },
  );
});

test('every code unit is escaped, or not, as the canonicalize package does it', () => {
  for (let unit = 0; unit < 0xd800; unit++) {
    const text = `a${String.fromCharCode(unit)}b`;
    if (canonicalize(text) !== rfc8785(text)) throw new Error(`U+${unit.toString(16)}`);
  }
  expect(canonicalize('\\"\u007f\u2028')).toBe('"\\\\\\"\u007f\u2028"');
});

const cycle: unknown[] = [];
cycle.push(cycle);

test.each([
  ['a fraction', 0.5, 'number'],
  ['2^53', 2 ** 53, 'number'],
  ['NaN', NaN, 'number'],
  ['Infinity', [Infinity], 'number'],
  ['a lone surrogate', { a: ['\ud800'] }, 'lone_surrogate'],
  ['a lone surrogate in a key', { '\udc00': 1 }, 'lone_surrogate'],
  ['undefined', undefined, 'type'],
  ['an undefined member', { a: undefined }, 'type'],
  ['a hole', [, 1], 'type'], // oxlint-disable-line no-sparse-arrays
  ['a function', { a: () => 1 }, 'type'],
  ['a bigint', 1n, 'type'],
  ['a symbol', Symbol('a'), 'type'],
  ['a Date', new Date(0), 'type'],
  ['bytes', Uint8Array.of(1), 'type'],
  ['a Map', new Map(), 'type'],
  ['a cycle', cycle, 'depth'],
])('refuses %s', (_, value, code) => {
  expect(refusal(() => canonicalize(value))).toBe(code);
});

test('an object without prototype is plain', () => {
  expect(canonicalize(Object.assign(Object.create(null), { b: 1, a: 2 }))).toBe('{"a":2,"b":1}');
});

test('64 levels are written, 65 are not', () => {
  const nested = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown;
  expect(refusal(() => canonicalize(nested(64)))).toBe('accepted');
  expect(refusal(() => canonicalize(nested(65)))).toBe('depth');
});

test.each(['{"a": 1}', '{"b":1,"a":2}', '1e3', '56.0', '"\\u0041"', '"\\/"', ' 1', '1\n', '"\\u000A"'])(
  'assertCanonical refuses %j',
  (text) => {
    expect(refusal(() => assertCanonical(text))).toBe('not_canonical');
  },
);

describeVectors('jcs/input', (folder) => {
  const inputOf = (name: string) => readFileSync(path.join(folder, name));
  // Fractions are canonical JSON but no strict JSON: what cannot come in must not go out.
  const fractions = 'values.json';

  test.each(vectorNames(folder).filter((name) => name !== fractions))('RFC 8785: %s', (name) => {
    const hex = readFileSync(path.join(folder, '../outhex', name.replace('.json', '.txt')), 'utf8');
    const expected = Buffer.from(hex.replaceAll(/\s/g, ''), 'hex').toString('utf8');
    expect(canonicalize(parseStrict(inputOf(name)))).toBe(expected);
    expect(assertCanonical(expected)).toEqual(parseStrict(inputOf(name)));
  });

  test(`refused for its fractions: ${fractions}`, () => {
    expect(refusal(() => parseStrict(inputOf(fractions)))).toBe('number');
    expect(refusal(() => canonicalize(JSON.parse(inputOf(fractions).toString())))).toBe('number');
  });
});
