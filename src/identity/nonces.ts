import { constantTimeEqual } from '../platform/crypto/keyed-token.js';

/** The server's nonces that count now: this minute's, and the one before. */
export interface Nonces {
  readonly current: string;
  readonly before: string;
}

/** How a nonce stands. `before` still counts, but not for long: time to hand out the next. */
export function nonceStanding({ current, before }: Nonces, value: string): 'current' | 'before' | 'unknown' {
  if (equal(value, current)) return 'current';
  return equal(value, before) ? 'before' : 'unknown';
}

function equal(left: string, right: string): boolean {
  return constantTimeEqual(Buffer.from(left), Buffer.from(right));
}
