import fc from 'fast-check';
import { fromBase64, fromBase64Url, toBase64, toBase64Url } from './base64.js';

test('both alphabets write what Node writes, and read it back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(toBase64Url(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
      expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
      expect(fromBase64Url(toBase64Url(bytes))).toEqual(bytes);
      expect(fromBase64(toBase64(bytes))).toEqual(bytes);
    }),
  );
});

test('whatever base64url is accepted is the one spelling of its bytes', () => {
  const almost = fc.string({ unit: fc.constantFrom(...'ABYZabyz0189-_+/= \n?é'), maxLength: 12 });
  fc.assert(
    fc.property(almost, (text) => {
      const bytes = fromBase64Url(text);
      expect(bytes === undefined ? text : toBase64Url(bytes)).toBe(text);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['padding', 'Zg=='],
  ['one character over', 'Zm9vA'],
  ['unused bits of one byte set', 'Zh'],
  ['unused bits of two bytes set', 'Zm9'],
  ['the other alphabet', 'a+b/'],
  ['white space', 'Zm9v\n'],
  ['a character past ASCII', 'Zm9é'],
])('fromBase64Url refuses %s', (_, text) => {
  expect(fromBase64Url(text)).toBeUndefined();
});

test.each([
  ['no padding', 'Zg'],
  ['padding in the middle', 'Zg==Zg=='],
  ['three padding signs', 'Z==='],
  ['unused bits set', 'Zh=='],
  ['the other alphabet', 'a-b_'],
  ['white space', 'Zm 9v='],
])('fromBase64 refuses %s', (_, text) => {
  expect(fromBase64(text)).toBeUndefined();
});
