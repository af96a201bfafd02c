import { printable, printableJson } from './printable.js';
import { formatTable } from './table.js';

const columns = [
  { title: 'ID', of: (row: string[]) => row[0] },
  { title: 'NAME', of: (row: string[]) => row[1] },
];

test('cells line up, and what is absent is a dash', () => {
  expect(formatTable(columns, [['1', 'one'], ['22']] as string[][], undefined)).toEqual([
    'ID  NAME',
    '1   one',
    '22  –',
  ]);
});

test('a table fits its terminal: the widest column is cut, and shows it', () => {
  const lines = formatTable(columns, [['1', 'a'.repeat(50)]], 20);
  expect(Math.max(...lines.map((line) => line.length))).toBe(20);
  expect(lines[1]).toMatch(/a…$/);
});

test('what names the row is never cut: other commands take it', () => {
  const [, line] = formatTable(columns, [['i'.repeat(36), 'a'.repeat(50)]], 30);
  expect(line).toBe(`${'i'.repeat(36)}  aaaaa…`);
});

test('without a terminal nothing is cut', () => {
  expect(formatTable(columns, [['1', 'a'.repeat(500)]], undefined)[1]).toContain('a'.repeat(500));
});

test('a stored name cannot drive the terminal', () => {
  expect(printable('a\u001b[2Jb\nc\u009b1m\u202ed')).toBe('a\uFFFD[2Jb\uFFFDc\uFFFD1m\uFFFDd');
  expect(formatTable(columns, [['1', '\u001b]0;x\u0007']], undefined)[1]).not.toMatch(/[\u0000-\u001f]/);
});

test('JSON with control characters parses to the same value', () => {
  const value = { a: 'x\u009by\u202ez\u007f\n' };
  expect(printableJson(value)).not.toMatch(/[\u007f-\u009f\u202e]/);
  expect(JSON.parse(printableJson(value))).toEqual(value);
});
