import { Readable } from 'node:stream';
import { decoded } from './decode.js';

test('an answer whose pieces gathered leaves nothing of them in the memory that small buffers share', async () => {
  const slab = Buffer.from(Buffer.allocUnsafe(8).buffer);
  const source = new Readable({ read: () => undefined });
  for (const part of ['{"echo":"', 'sk-live-0123', '456789abcdef', '"}']) source.push(Buffer.alloc(part.length, part));
  source.push(null);
  const pieces: Buffer[] = [];
  for await (const piece of decoded(source, null, 1_000)) pieces.push(piece);
  expect(slab.includes('sk-live-0123')).toBe(false);
  expect(Buffer.concat(pieces).toString()).toBe('{"echo":"sk-live-0123456789abcdef"}');
});
