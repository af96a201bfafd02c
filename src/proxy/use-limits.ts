import type { UseCounts } from '../audit/use-window.js';

/** Which limit a use would go past. */
export type UseLimit = 'agent_concurrency' | 'tenant_concurrency' | 'credential_rate';

/** How much use there may be, on all nodes together. */
export interface UseLimits {
  /** Uses under way of one agent. */
  readonly agentConcurrent: number;
  /** Uses under way of one tenant. */
  readonly tenantConcurrent: number;
  /** Uses of one credential by one agent in a minute, where the credential itself says nothing. */
  readonly perMinute: number;
}

export interface OverLimit {
  readonly limit: UseLimit;
  readonly retryAfterSeconds: number;
}

/** A use that is under way ends when it ends: this is only when asking again makes sense. */
const RETRY_SECONDS = 1;

/** The limit that one more use would go past, or null (P20). `actor` and `credential` are as entries write them. */
export function overLimit(
  counts: UseCounts,
  { actor, credential, perMinute }: { actor: string; credential: string; perMinute: number | null },
  limits: UseLimits,
): OverLimit | null {
  if (counts.underWay(actor) >= limits.agentConcurrent) {
    return { limit: 'agent_concurrency', retryAfterSeconds: RETRY_SECONDS };
  }
  if (counts.underWay() >= limits.tenantConcurrent) {
    return { limit: 'tenant_concurrency', retryAfterSeconds: RETRY_SECONDS };
  }
  if (counts.recent(actor, credential) < (perMinute ?? limits.perMinute)) return null;
  const waitMs = counts.untilFewerMs(actor, credential);
  return { limit: 'credential_rate', retryAfterSeconds: Math.max(RETRY_SECONDS, Math.ceil(waitMs / 1000)) };
}
