import { isTier, type Tier, TIER_RULES, tierAtLeast } from '@chancery/protocol/tiers.js';
import type { SessionRow } from './agent-sessions.repository.js';

/** Live sessions an agent may have at once; each process of an agent makes its own. */
export const SESSIONS_PER_AGENT_MAX = 64;
/** How long a first session waits for a person, and then for its agent to fetch the token. */
export const APPROVAL_WAIT_MS = 60 * 60_000;

export type SessionState = Pick<SessionRow, 'state' | 'tier' | 'renewalsUsed' | 'expiresAt' | 'revokedAt'>;

/**
 * What a token request does to the session of its key. A renewal that a person must approve counts when it is asked
 * for; `renewalsUsed` above 0 therefore says that a token was given out before.
 */
export type SessionStep =
  | { readonly kind: 'begin'; readonly tier: Tier; readonly expiresAtMs: number }
  | { readonly kind: 'renew'; readonly tier: Tier; readonly expiresAtMs: number }
  | { readonly kind: 'ask'; readonly tier: Tier; readonly expiresAtMs: number }
  | { readonly kind: 'ask_again'; readonly tier: Tier }
  | { readonly kind: 'collect'; readonly tier: Tier; readonly expiresAtMs: number }
  | { readonly kind: 'wait' }
  /** It waited for a person, and one said no. */
  | { readonly kind: 'denied' }
  | { readonly kind: 'refuse'; readonly why: string };

const NEW_KEY = 'Begin a new one with a new DPoP key.';

export function firstStep(agentTier: Tier, liveSessions: number, nowMs: number): SessionStep {
  if (liveSessions >= SESSIONS_PER_AGENT_MAX) {
    return { kind: 'refuse', why: `The agent has ${liveSessions} live sessions; revoke some or let them expire.` };
  }
  const { humanApproval } = TIER_RULES[agentTier];
  if (humanApproval) return { kind: 'ask', tier: agentTier, expiresAtMs: nowMs + APPROVAL_WAIT_MS };
  return { kind: 'begin', tier: agentTier, expiresAtMs: nowMs + lifetimeMs(agentTier) };
}

export function nextStep(session: SessionState, agentTier: Tier, nowMs: number): SessionStep {
  if (session.revokedAt !== null && session.state === 'pending') return { kind: 'denied' };
  if (session.revokedAt !== null) return { kind: 'refuse', why: `This session was ended. ${NEW_KEY}` };
  if (nowMs >= deadlineMs(session)) return { kind: 'refuse', why: `This session is over. ${NEW_KEY}` };
  // A demotion counts from the next token on; a promotion needs a new session.
  const tier = lower(tierOf(session), agentTier);
  const { humanApproval, renewals } = TIER_RULES[tier];
  const expiresAtMs = nowMs + lifetimeMs(tier);
  if (session.state === 'pending' && humanApproval) return { kind: 'wait' };
  if (session.state !== 'active') return { kind: 'collect', tier, expiresAtMs };
  if (session.renewalsUsed >= renewals) {
    return { kind: 'refuse', why: `This session was renewed ${renewals} times, as often as ${tier} may. ${NEW_KEY}` };
  }
  return humanApproval ? { kind: 'ask_again', tier } : { kind: 'renew', tier, expiresAtMs };
}

/**
 * Until when anything can still become of a session. Its last token may have been expired for as long as it was good:
 * an agent that sleeps through the end comes back, a key found a month later does not.
 */
export function deadlineMs(session: SessionState): number {
  const neverHadToken = session.state !== 'active' && session.renewalsUsed === 0;
  return session.expiresAt.getTime() + (neverHadToken ? 0 : lifetimeMs(tierOf(session)));
}

/** Whether a token of this session may be in use. While a renewal waits for a person, the last token still is. */
export function hasToken(session: Pick<SessionState, 'state' | 'renewalsUsed'>): boolean {
  return session.state === 'active' || session.renewalsUsed > 0;
}

export type VisibleState = 'pending' | 'approved' | 'active' | 'revoked' | 'expired';

export function visibleState(session: SessionState, nowMs: number): VisibleState {
  if (session.revokedAt !== null) return 'revoked';
  if (session.state !== 'active') return nowMs < deadlineMs(session) ? session.state : 'expired';
  return nowMs < session.expiresAt.getTime() ? 'active' : 'expired';
}

export function renewalsLeft(session: SessionState): number {
  return Math.max(0, TIER_RULES[tierOf(session)].renewals - session.renewalsUsed);
}

function tierOf({ tier }: SessionState): Tier {
  if (!isTier(tier)) throw new Error(`a session of the unknown tier ${tier}`);
  return tier;
}

function lower(a: Tier, b: Tier): Tier {
  return tierAtLeast(a, b) ? b : a;
}

function lifetimeMs(tier: Tier): number {
  return TIER_RULES[tier].tokenLifetimeSeconds * 1000;
}
