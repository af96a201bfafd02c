import { isoTimes } from './iso-time.js';

test('every time is written as Date does it, the same again and another after it', () => {
  const iso = isoTimes();
  for (const ms of [0, 1_700_000_000_123, 1_700_000_000_123, 1_700_000_000_124, 0, 253_402_300_799_999])
    expect(iso(ms)).toBe(new Date(ms).toISOString());
});

test('what is no time is refused, also right after another that was none', () => {
  const iso = isoTimes();
  expect(() => iso(Number.NaN)).toThrow(RangeError);
  expect(() => iso(Number.NaN)).toThrow(RangeError);
  expect(() => iso(8.64e15 + 1)).toThrow(RangeError);
  expect(() => iso(8.64e15 + 1)).toThrow(RangeError);
});
