import type { Writable } from 'node:stream';
import { eventually } from './eventually.js';

const PIECE = Buffer.alloc(65_536, 'x');
const STILL_MS = 60;

/** Writes as fast as it is taken, until nothing is taken any more; answers with how many bytes were. */
export async function floodUntilStalled(into: Writable): Promise<number> {
  let written = 0;
  const pump = (): void => {
    while (!into.destroyed) {
      written += PIECE.length;
      if (!into.write(PIECE)) return void into.once('drain', pump);
    }
  };
  pump();
  let before = -1;
  await eventually(
    async () => {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, STILL_MS));
    },
    () => before === written,
  );
  return written;
}
