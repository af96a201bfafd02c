import fc from 'fast-check';
import { parseStrict } from './strict-json.js';

const fractions = { fractions: true };

test('reads every finite double as JSON.parse does, when fractions are asked for', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = JSON.stringify(value);
      if (!/[.e]/.test(text)) return;
      expect(parseStrict(text, fractions)).toBe(JSON.parse(text));
    }),
  );
});

test.each(['1.5', '-0.5', '1e3', '1E+3', '0.1e-2', '[1.5,{"a":2.0}]'])('reads %s', (text) => {
  expect(parseStrict(text, fractions)).toEqual(JSON.parse(text));
});

test.each(['1.', '.5', '1.e3', '1e', '1e+', '01.5', '1.5.5', '1e5e5', '--1.5', '1.5x'])('refuses %s', (text) => {
  expect(() => parseStrict(text, fractions)).toThrow('syntax');
});

test.each(['1e400', '9007199254740993', '-0'])('refuses %s as a number', (text) => {
  expect(() => parseStrict(text, fractions)).toThrow('number');
});
