/** What a person is asked for: one use of a credential, the token of a SACRED agent, or a grant. */
export const APPROVAL_KINDS = ['use', 'session', 'access'] as const;
export type ApprovalKind = (typeof APPROVAL_KINDS)[number];

export const APPROVAL_STATES = ['pending', 'approved', 'used', 'refused', 'expired'] as const;
export type ApprovalState = (typeof APPROVAL_STATES)[number];
/** `used` is never stored: the chain alone says it, in the intent of the use. */
export type StoredState = Exclude<ApprovalState, 'used'>;

/** How long a person has to decide. */
export const PENDING_MS = 24 * 60 * 60_000;
/** How long an approved use may wait for its agent: what was looked at should still be what it was. */
export const USE_WITHIN_MS = 15 * 60_000;
/** How many decisions one agent may have people owe it. */
export const PENDING_PER_AGENT_MAX = 20;

export interface ApprovalFacts {
  readonly kind: ApprovalKind;
  readonly state: StoredState;
  readonly expiresAtMs: number;
  /** Whether an intent in the chain names it. */
  readonly used: boolean;
}

/** What an approval is at a moment. Time passes without anybody writing it down; the sweep only says so later. */
export function stateAt({ kind, state, expiresAtMs, used }: ApprovalFacts, nowMs: number): ApprovalState {
  if (used) return 'used';
  const lapses = state === 'pending' || (state === 'approved' && kind === 'use');
  return lapses && expiresAtMs <= nowMs ? 'expired' : state;
}

/** An approval of a use, as a decision sees it. */
export interface UseApproval extends ApprovalFacts {
  readonly id: string;
  readonly agentId: string;
  /** Hex SHA-256 of everything it was asked for (request-hash.ts). */
  readonly requestHash: string;
}

export type ApprovalDenial =
  'not_found' | 'approval_refused' | 'approval_expired' | 'approval_used' | 'approval_mismatch';

export type ApprovalVerdict =
  | { readonly kind: 'approved' }
  | { readonly kind: 'pending' }
  | { readonly kind: 'denied'; readonly code: ApprovalDenial };

const ENDED = {
  refused: 'approval_refused',
  expired: 'approval_expired',
  used: 'approval_used',
} as const;

/** Whether an approval covers the request it is presented with. Somebody else's is nobody's. */
export function judge(
  approval: UseApproval | undefined,
  asked: { readonly agentId: string; readonly requestHash: string; readonly spent: boolean },
  nowMs: number,
): ApprovalVerdict {
  if (approval === undefined || approval.agentId !== asked.agentId) return { kind: 'denied', code: 'not_found' };
  const state = stateAt({ ...approval, used: approval.used || asked.spent }, nowMs);
  if (state !== 'pending' && state !== 'approved') return { kind: 'denied', code: ENDED[state] };
  if (approval.requestHash !== asked.requestHash) return { kind: 'denied', code: 'approval_mismatch' };
  return { kind: state };
}
