import { randomBytes } from 'node:crypto';
import { trailersOf } from './trailers.js';

test('each line of a trailer, with one byte in each character', () => {
  expect(trailersOf({ 'x-a': 'é', 'x-b': ['1', '2'] })).toEqual([
    ['x-a', 'Ã©'],
    ['x-b', '1'],
    ['x-b', '2'],
  ]);
});

test('a secret in a trailer leaves nothing in the memory that small buffers share', () => {
  const slab = Buffer.from(Buffer.allocUnsafe(8).buffer);
  const secret = randomBytes(12).toString('hex');
  expect(trailersOf({ 'x-echo': secret })).toEqual([['x-echo', secret]]);
  expect(slab.includes(secret)).toBe(false);
});
