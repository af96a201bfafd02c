import type { SeenEntry } from '../../audit/uses-of-agents.js';

/**
 * Denials that are no call at all: what people or the house decided, and the agent had no part in. A brake, a seal, a
 * tier that was lowered, and an approval nobody gave in time must not become a bad score, nor hide one.
 */
export const UNCOUNTED_DENIALS: readonly string[] = [
  'brake_active',
  'vault_sealed',
  'tier_too_low',
  'approval_expired',
];

/** Failures by which a request itself was refused. Of a host that is down or slow the agent is not the cause. */
const OWN_FAILURES = new Set(['upstream_address_refused', 'template_refused', 'url_refused', 'placeholder_missing']);
const CREDENTIAL_REFUSED = new Set([401, 407]);

/** What came of a call. `open`: not known yet, or never. */
export type CallKind = 'open' | 'fine' | 'error' | 'denied';

export interface ObservedCall {
  /** Of its intent or denial. */
  readonly seq: number;
  readonly atMs: number;
  readonly kind: CallKind;
  /** Null for a denial, and while it is open. */
  readonly durationMs: number | null;
}

/**
 * An error is what the agent's own request came to: a client error of RFC 9110 section 15.5, or a target that was
 * refused when it was dialled. Not an error: 401 and 407, which refuse a credential that the agent neither sees nor
 * chose; 5xx, time-outs and broken connections, which would demote every agent of an upstream that has a bad day.
 */
export function kindOfOutcome({ outcome, status, code }: Pick<SeenEntry, 'outcome' | 'status' | 'code'>): CallKind {
  if (outcome === 'failure') return code !== null && OWN_FAILURES.has(code) ? 'error' : 'fine';
  if (outcome !== 'success' || status === null) return 'fine';
  return status >= 400 && status < 500 && !CREDENTIAL_REFUSED.has(status) ? 'error' : 'fine';
}
