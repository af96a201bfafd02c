import { randomInt } from 'node:crypto';
import { holdPorts } from '../../src/quickstart/free-ports.js';

/** Below those that a kernel hands out by itself, which begin at 32768 or later, and below the quickstart's. */
const FIRST = 12_000;
/** A share for each of Jest's workers. */
const SHARE = 1_000;
const SHARES = 8;

const share = (Number(process.env.JEST_WORKER_ID ?? 1) - 1) % SHARES;
let next = randomInt(SHARE);

/**
 * A port for a server that listens later, or ends and listens again: meanwhile nobody else gets it. One that the kernel chose
 * (`listen(0)`) it may give to somebody else as soon as it is closed.
 */
export async function ownPort(): Promise<number> {
  for (;;) {
    const port = FIRST + share * SHARE + next;
    next = (next + 1) % SHARE;
    const held = await holdPorts([port]);
    await held.release();
    if (held.ports[0] === port) return port;
  }
}
