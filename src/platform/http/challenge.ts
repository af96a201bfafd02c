import type { IncomingMessage } from 'node:http';
import { RequestSlot } from './request-slot.js';

type Headers = Readonly<Record<string, string>>;

const slot = new RequestSlot<() => Headers>('challenge');

/** What a 401 of this request brings besides its own headers, whoever throws it. */
export function setChallenge({ raw }: { raw: IncomingMessage }, headers: () => Headers): void {
  slot.set(raw, headers);
}

export function challengeOf({ raw }: { raw: IncomingMessage }): Headers {
  return slot.get(raw)?.() ?? {};
}
