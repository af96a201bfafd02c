import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { outOfSlab } from './out-of-slab.js';

test('an answer whose pieces gathered leaves nothing of them in the memory that small buffers share', async () => {
  const slab = Buffer.from(Buffer.allocUnsafe(8).buffer);
  // Made here: the slab may hold what the test runner read, this file with it.
  const secret = randomBytes(12).toString('hex');
  const source = new Readable({ read: () => undefined });
  for (const part of ['{"echo":"', secret, '"}']) source.push(Buffer.alloc(part.length, part));
  source.push(null);
  const pieces: Buffer[] = [];
  for await (const piece of outOfSlab(source)) pieces.push(piece);
  expect(slab.includes(secret)).toBe(false);
  expect(pieces.map(String)).toEqual([`{"echo":"${secret}"}`]);
});

test('a piece with memory of its own goes on as it is', async () => {
  const piece = Buffer.alloc(100, 'a');
  for await (const left of outOfSlab(Readable.from([piece]))) expect(left).toBe(piece);
});
