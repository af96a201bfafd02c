import fc from 'fast-check';
import { utf8 } from './bytes.js';
import { parseStrict } from './strict-json.js';
import { StrictJsonError } from './strict-json-error.js';
import { anyCodePoint } from '../test/any-code-point.js';

function refusal(source: string | Uint8Array, limits = {}): string {
  try {
    parseStrict(source, limits);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error;
    return `${error.code}@${error.position}`;
  }
}

const strictValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger().map((n) => n + 0 || 0),
    fc.string({ unit: anyCodePoint(fc) }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', '1', '')), tie('value'), {
      maxKeys: 5,
    }),
  ),
})).value;

test('reads whatever JSON.stringify wrote of strict values, with any white space', () => {
  fc.assert(
    fc.property(strictValue, fc.constantFrom('', ' ', '\t', '\n', '  '), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      expect(JSON.stringify(parseStrict(text))).toBe(JSON.stringify(value));
      expect(parseStrict(utf8(` ${text}\r\n`))).toEqual(parseStrict(text));
    }),
  );
});

test('accepts nothing JSON.parse refuses, and then reads the same', () => {
  const tokens = '{ } [ ] : , " \\ u d800 dc00 0 1 - . e + true null a "a" \\u0041 \\n'.split(' ');
  const piece = fc.constantFrom(...tokens, ' ', '\u0001', '\u{1f600}', '\u2028');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join('');
      const accepted = refusal(text) === 'accepted';
      expect(accepted && parseStrict(text)).toEqual(accepted && JSON.parse(text));
    }),
    { numRuns: 20_000 },
  );
});

test.each([
  ['{"a":1,"a":1}', 'duplicate_key@7'],
  ['{"a":1,"\\u0061":2}', 'duplicate_key@7'],
  ['[{"__proto__":1,"__proto__":2}]', 'duplicate_key@16'],
  ['"\\ud800"', 'lone_surrogate@1'],
  ['"\\udc00\\ud800"', 'lone_surrogate@1'],
  ['"\\ud800x"', 'lone_surrogate@1'],
  ['"\\ud83d\ude00"', 'lone_surrogate@1'],
  ['"\ud800"', 'lone_surrogate@1'],
  ['{"\udc00":1}', 'lone_surrogate@2'],
  ['9007199254740992', 'number@0'],
  ['-9007199254740992', 'number@0'],
  ['9007199254740990.9', 'number@0'],
  ['90071992547409909e-1', 'number@0'],
  ['0.5', 'number@0'],
  ['5e-1', 'number@0'],
  ['1e400', 'number@0'],
  ['-0', 'number@0'],
  ['-0.0', 'number@0'],
  ['\ufeff1', 'encoding@0'],
  ['', 'syntax@0'],
  ['01', 'syntax@0'],
  ['+1', 'syntax@0'],
  ['1.', 'syntax@2'],
  ['1e', 'syntax@2'],
  ['.5', 'syntax@0'],
  ['-', 'syntax@1'],
  ['NaN', 'syntax@0'],
  ['[1,]', 'syntax@3'],
  ['{"a":1,}', 'syntax@7'],
  ['{a:1}', 'syntax@1'],
  ['{"a"1}', 'syntax@4'],
  ["'a'", 'syntax@0'],
  ['"\u0000"', 'syntax@1'],
  ['"\t"', 'syntax@1'],
  ['"\\x"', 'syntax@1'],
  ['"\\u12g4"', 'syntax@1'],
  ['"abc', 'syntax@4'],
  ['tru', 'syntax@0'],
  ['1 2', 'syntax@2'],
  ['// a\n1', 'syntax@0'],
  ['\u00a01', 'syntax@0'],
])('refuses %j', (text, code) => {
  expect(refusal(text)).toBe(code);
});

test.each([
  ['56.0', 56],
  ['1e3', 1000],
  ['-25E-0', -25],
  ['100e-2', 1],
  ['0e-5', 0],
  ['0.000e5', 0],
  ['1.50e+1', 15],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
])('the number %s is whole', (text, value) => {
  expect(parseStrict(text)).toBe(value);
});

test('64 levels are read, 65 are not', () => {
  expect(refusal('['.repeat(64) + ']'.repeat(64))).toBe('accepted');
  expect(refusal('['.repeat(65) + ']'.repeat(65))).toBe('depth@64');
  expect(refusal('{"a":'.repeat(65) + '1' + '}'.repeat(65))).toBe('depth@320');
  expect(refusal('[[],[],[{}]]', { maxDepth: 3 })).toBe('accepted');
  expect(refusal('[[],[],[{}]]', { maxDepth: 2 })).toBe('depth@8');
});

test('the limit counts bytes of UTF-8, whichever way the text comes in', () => {
  const text = '"é€\u{1f600}"'; // 1 + 2 + 3 + 4 + 1
  expect(refusal(text, { maxBytes: 11 })).toBe('accepted');
  expect(refusal(utf8(text), { maxBytes: 11 })).toBe('accepted');
  expect(refusal(text, { maxBytes: 10 })).toBe('too_large@10');
  expect(refusal(utf8(text), { maxBytes: 10 })).toBe('too_large@10');
});

test('bytes that are no UTF-8, or start with a BOM, are refused', () => {
  expect(refusal(Uint8Array.of(0x22, 0xff, 0x22))).toBe('encoding@0');
  expect(refusal(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22))).toBe('encoding@0');
  expect(refusal(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31))).toBe('encoding@0');
});

test('a __proto__ key is data and touches no prototype', () => {
  const value = parseStrict('{"__proto__":{"admin":true},"constructor":1}') as Record<string, unknown>;
  expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(value.admin).toBeUndefined();
  expect(({} as Record<string, unknown>).admin).toBeUndefined();
});

test('an error tells nothing of the text', () => {
  expect(() => parseStrict('{"password":"hunter2",}')).toThrow(/^not strict JSON: syntax at 22$/);
});
