import fc from 'fast-check';
import { Cursors, pageQuery } from './pagination.js';
import { ProblemError } from './problem.js';

const cursors = new Cursors(Buffer.alloc(32, 7));
const scope = { tenantId: 'a', list: 'agents' };

test('a cursor comes back as the position it was made from', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (position) => {
      expect(cursors.open(scope, cursors.seal(scope, position))).toEqual(JSON.parse(JSON.stringify(position)));
    }),
  );
});

test('P19: a cursor of another tenant, list or key, and one that was touched, are the same 400', () => {
  const cursor = cursors.seal(scope, { at: 5 });
  const touched = `${cursor.slice(0, -1)}${cursor.endsWith('A') ? 'B' : 'A'}`;
  const attempts: [Cursors, typeof scope, string][] = [
    [cursors, { ...scope, tenantId: 'b' }, cursor],
    [cursors, { ...scope, list: 'brakes' }, cursor],
    [new Cursors(Buffer.alloc(32, 8)), scope, cursor],
    [cursors, scope, touched],
    [cursors, scope, `${cursor}=`],
    [cursors, scope, ''],
    [cursors, scope, 'AAAA'],
  ];
  for (const [opener, of, text] of attempts) {
    expect(() => opener.open(of, text)).toThrow(ProblemError);
    expect(() => opener.open(of, text)).toThrow('invalid_request');
  }
});

test('tenant and list cannot be shifted into each other', () => {
  const cursor = cursors.seal({ tenantId: 'ab', list: 'c' }, 1);
  expect(() => cursors.open({ tenantId: 'a', list: 'bc' }, cursor)).toThrow('invalid_request');
});

test('a page walks through every row once and ends with null', () => {
  const rows = Array.from({ length: 7 }, (_, n) => ({ n }));
  const seen: number[] = [];
  let cursor: string | null = null;
  do {
    const after: number = cursor === null ? -1 : cursors.open<number>(scope, cursor);
    const fetched = rows.filter(({ n }) => n > after).slice(0, 3 + 1);
    const page = cursors.page(fetched, { limit: 3, scope, position: ({ n }) => n, view: ({ n }) => n });
    seen.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test.each(['0', '201', '-1', '1.5', '1e1', ' 5', '0x10', 'all', ''])('limit=%p is refused', (limit) => {
  expect(pageQuery.safeParse({ limit }).success).toBe(false);
});

test('limit is 50 when nothing is said', () => {
  expect(pageQuery.parse({})).toEqual({ limit: 50 });
  expect(pageQuery.parse({ limit: '200' })).toEqual({ limit: 200 });
});
