import fc from 'fast-check';
import { concatBytes, equalBytes, fromHex, toHex, utf8, utf8Text } from './bytes.js';
import { anyCodePoint } from '../test/any-code-point.js';

test('hexadecimal goes there and back', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
      expect(fromHex(toHex(bytes))).toEqual(bytes);
    }),
  );
});

test.each(['0', 'AB', '0g', '0x00', ' 00', '00\n'])('fromHex refuses %j', (text) => {
  expect(fromHex(text)).toBeUndefined();
});

test('text goes to UTF-8 and back, with its BOM', () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCodePoint(fc) }), (text) => {
      expect(toHex(utf8(text))).toBe(Buffer.from(text, 'utf8').toString('hex'));
      expect(utf8Text(utf8(text))).toBe(text);
    }),
  );
  expect(utf8Text(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41))).toBe('\ufeffA');
});

test.each(['ff', 'c080', 'eda080', 'f8808080', 'e282', 'f4908080'])('utf8Text refuses the bytes %s', (hex) => {
  expect(utf8Text(fromHex(hex)!)).toBeUndefined();
});

test('concatBytes joins, equalBytes compares', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), (parts) => {
      expect(toHex(concatBytes(...parts))).toBe(Buffer.concat(parts).toString('hex'));
    }),
  );
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
  expect(equalBytes(Uint8Array.of(), Uint8Array.of())).toBe(true);
});
