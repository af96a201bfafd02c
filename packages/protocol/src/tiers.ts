/** The five trust tiers, lowest first (protocol section 6). */
export const TIERS = ['NOVICE', 'COMPANION', 'PARTNER', 'GUARDIAN', 'SACRED'] as const;

/** A trust tier of an agent. */
export type Tier = (typeof TIERS)[number];

/** What a tier allows. */
export type TierRules = {
  /** Most credentials an agent may be granted; null for no limit. */
  credentialsLimit: number | null;
  /** Lifetime of an access token, in seconds. */
  tokenLifetimeSeconds: number;
  /** How often a session may be renewed after its first token. */
  renewals: number;
  /** Behaviour score below which a session is not renewed, 0 to 1. */
  renewalScoreMin: number;
  /** Whether a human approves each token. */
  humanApproval: boolean;
};

const HOUR_SECONDS = 3_600;

/** The rules of each tier (protocol section 6). */
export const TIER_RULES: Readonly<Record<Tier, Readonly<TierRules>>> = {
  NOVICE: rules(1, 1, 5, 0.9),
  COMPANION: rules(5, 4, 10, 0.8),
  PARTNER: rules(20, 8, 20, 0.7),
  GUARDIAN: rules(null, 12, 15, 0.6),
  SACRED: rules(null, 24, 3, 0.5, true),
};

/** Tier a new agent starts in. */
export const FIRST_TIER: Tier = 'NOVICE';
/** Minimum tier of a credential that names none. */
export const DEFAULT_MINIMUM_TIER: Tier = 'COMPANION';

/** Whether `text` names a tier, in upper case. */
export function isTier(text: string): text is Tier {
  return (TIERS as readonly string[]).includes(text);
}

/** Whether tier `held` is `needed` or higher. */
export function tierAtLeast(held: Tier, needed: Tier): boolean {
  return TIERS.indexOf(held) >= TIERS.indexOf(needed);
}

function rules(
  credentialsLimit: number | null,
  tokenHours: number,
  renewals: number,
  renewalScoreMin: number,
  humanApproval = false,
): Readonly<TierRules> {
  return Object.freeze({
    credentialsLimit,
    tokenLifetimeSeconds: tokenHours * HOUR_SECONDS,
    renewals,
    renewalScoreMin,
    humanApproval,
  });
}
