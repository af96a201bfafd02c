import { reasonOf } from './brake-restored-database.js';

const database = { system: '7000', timeline: 2 };
const behind = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    tenant: `ten_${'0'.repeat(30)}${10 + i}`,
    headSeq: 1,
    signedSeq: 3_000_000,
  }));

test('nothing wrong is no reason', () => {
  expect(reasonOf({ behind: [], before: null, database })).toBeNull();
});

test('the reason names what is behind, and fits where reasons stand', () => {
  expect(reasonOf({ behind: [{ tenant: 'ten_1', headSeq: null, signedSeq: 4 }], before: null, database })).toBe(
    'Was an older backup restored? ten_1 is gone, signed 4.',
  );
  expect(reasonOf({ behind: [], before: { system: '6000', timeline: 1 }, database })).toBe(
    'Was an older backup restored? the database is 7000/2, and was 6000/1.',
  );
  const many = reasonOf({ behind: behind(40), before: { system: '6000', timeline: 1 }, database }) ?? '';
  expect(many).toContain('35 more chains');
  expect(many.length).toBeLessThanOrEqual(500);
});
