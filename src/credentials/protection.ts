import type { Injection } from './injection.js';

/** Whether a person is asked before a credential is used. */
export const APPROVALS = ['none', 'each_use'] as const;
export type Approval = (typeof APPROVALS)[number];

/** How often a credential may be used; null is as often as anybody likes. */
export interface UseLimits {
  /** Uses per minute and agent. */
  readonly perMinute: number | null;
}

export interface Uses {
  readonly injection: Injection | null;
  readonly approval: Approval;
  readonly perMinute: number | null;
}

/** What an entry says of how a credential may be used: everything that is not the default. */
export function protectionDetails({ injection, approval, perMinute }: Uses): Record<string, unknown> {
  return {
    ...(injection === null ? {} : { injection }),
    ...(approval === 'none' ? {} : { approval }),
    ...(perMinute === null ? {} : { per_minute: perMinute }),
  };
}
