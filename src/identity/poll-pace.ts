import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Clock } from '../platform/clock.js';

/** How long an agent waits between two looks at a session that waits for a person (RFC 8628, 3.5). */
export const POLL_INTERVAL_SECONDS = 5;
/** Clocks and networks are not exact, and half a second early is no crowd. */
const SLACK_MS = 500;
const SESSIONS_MAX = 10_000;

/** Remembers, in this process, when waiting sessions were last asked about. */
@Injectable()
export class PollPace {
  readonly #lastMs = new LRUCache<string, number>({ max: SESSIONS_MAX });

  constructor(private readonly clock: Clock) {}

  /** A person was just asked: the first look comes after the interval. */
  begin(sessionId: string): void {
    this.#lastMs.set(sessionId, this.clock.now());
  }

  /** Whether this look comes too soon behind the one before. */
  tooSoon(sessionId: string): boolean {
    const nowMs = this.clock.now();
    const lastMs = this.#lastMs.get(sessionId);
    this.#lastMs.set(sessionId, nowMs);
    return lastMs !== undefined && nowMs - lastMs < POLL_INTERVAL_SECONDS * 1000 - SLACK_MS;
  }
}
