import type { IncomingMessage } from 'node:http';
import { type Caller, callerOf } from './caller.js';
import type { ProblemSpec } from './problem.js';

/** So many are counted apart until they are taken; past it, everybody else together. */
export const COUNTED_MAX = 4_096;

const UNAUTHORIZED = 401;
const TOO_MANY = 429;

/** Whom requests were refused: one principal, all those that are too many to tell apart, or nobody that is known. */
export type RefusedCaller = Readonly<{ tenantId: string; principalId: string }> | 'others' | null;

/** Requests refused before anything looked at what they ask: how many, to whom and why. Nothing of any of them. */
export interface Refused {
  readonly caller: RefusedCaller;
  /** One of our own error codes. */
  readonly code: string;
  count: number;
  /** Since when, where it was counted in an earlier minute and put back. */
  sinceMs: number | null;
}

/**
 * Counts requests that leave no entry of their own: those that signed nobody in, by what they were told, and those of a
 * principal past its rate. In memory; a room above takes the counts from here and writes them down.
 */
export class Refusals {
  #counts = new Map<string, Refused>();
  /** Since the start: by code, and by kind of principal. */
  readonly unauthenticated = new Map<string, number>();
  readonly suppressed = new Map<string, number>();

  /** Called for each failure of ours that is answered. */
  note({ status, code, isChallenge }: ProblemSpec, request: { raw: IncomingMessage }): void {
    if (status !== UNAUTHORIZED && status !== TOO_MANY) return;
    const caller = callerOf(request);
    const isAnonymous = status === UNAUTHORIZED ? isChallenge !== true : caller === undefined;
    if (isAnonymous) this.count(code);
    else if (code === 'rate_limited' && caller !== undefined) this.#suppress(code, caller);
  }

  /** A request that signed nobody in. */
  count(code: string): void {
    this.#counted(code, null).count += 1;
    increment(this.unauthenticated, code);
  }

  /** What was counted since the last time. */
  take(): readonly Refused[] {
    const taken = [...this.#counts.values()];
    this.#counts = new Map();
    return taken;
  }

  /** What was taken and could not be written down is counted on. */
  putBack(taken: readonly Refused[], sinceMs: number): void {
    for (const { caller, code, count, sinceMs: earlier } of taken) {
      const counted = this.#counted(code, caller);
      counted.count += count;
      counted.sinceMs = Math.min(counted.sinceMs ?? sinceMs, earlier ?? sinceMs);
    }
  }

  #suppress(code: string, caller: Caller): void {
    this.#counted(code, caller).count += 1;
    increment(this.suppressed, caller.principalId.slice(0, caller.principalId.indexOf(':')));
  }

  #counted(code: string, caller: Caller | RefusedCaller): Refused {
    const key =
      caller === null || caller === 'others' ? `${caller}/${code}` : `${caller.tenantId}/${caller.principalId}/${code}`;
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    const isOne = caller !== null && caller !== 'others';
    if (isOne && this.#counts.size >= COUNTED_MAX) return this.#counted(code, 'others');
    const counted = {
      caller: isOne ? { tenantId: caller.tenantId, principalId: caller.principalId } : caller,
      code,
      count: 0,
      sinceMs: null,
    };
    this.#counts.set(key, counted);
    return counted;
  }
}

const increment = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
