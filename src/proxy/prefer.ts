import { publicId } from '../platform/ids.js';
import type { PendingUse } from './approval-gate.js';
import { WAIT_SECONDS_MAX } from '../credentials/approvals/await-decision.js';

const WAIT = /(?:^|[,\s])wait\s*=\s*"?([0-9]{1,9})"?(?=\s*(?:$|[,;]))/i;

/** How long a request would wait for its answer (RFC 7240, 4.3), in seconds: 0 when it says nothing we honour. */
export function waitOf(prefer: string | readonly string[] | undefined): number {
  const text = typeof prefer === 'string' ? prefer : (prefer ?? []).join(',');
  const seconds = Number(WAIT.exec(text)?.[1] ?? 0);
  return Math.min(seconds, WAIT_SECONDS_MAX);
}

/** A person seldom takes less. */
const RETRY_AFTER_SECONDS = 5;

/** Where what waits is to be found (RFC 9110, 15.3.3), on whichever route it was asked for. */
export const waitingHeaders = ({ approval }: PendingUse): Record<string, string> => ({
  Location: `/v1/approvals/${publicId('apr', approval.id)}`,
  'Retry-After': String(RETRY_AFTER_SECONDS),
});
