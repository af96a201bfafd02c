import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 20;
/** Patience, no promise. */
const WITHIN_MS = 60_000;

/** Looks again until it is so. */
export async function eventually(isSo: () => boolean, withinMs = WITHIN_MS): Promise<void> {
  for (const end = Date.now() + withinMs; !isSo(); await sleep(LOOK_EVERY_MS)) {
    if (Date.now() > end) throw new Error(`it did not come about within ${withinMs} ms`);
  }
}
