import { FACTOR_FRESH_MS } from './log-in.js';
import type { Principal } from './principal.js';
import { factorStale, humanRequired } from './tenancy.errors.js';

/** A human act: a person's session whose factor is at most five minutes old, and no key of any kind. */
export function assertHumanAct(principal: Principal, nowMs: number): void {
  if (principal.kind !== 'member') throw humanRequired();
  if (nowMs - principal.factorAtMs > FACTOR_FRESH_MS) throw factorStale();
}
