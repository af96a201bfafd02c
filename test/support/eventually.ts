import { setTimeout as sleep } from 'node:timers/promises';

/** Patience, no promise: a machine may have much else to do. */
const WITHIN_MS = 60_000;

/** Asks again until the answer is as wanted; what happens behind an answer needs a moment. */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  wanted: (answer: T) => boolean,
  withinMs = WITHIN_MS,
): Promise<T> {
  for (const end = Date.now() + withinMs; ; await sleep(10)) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > end) throw new Error(`it did not come about within ${withinMs} ms`);
  }
}
