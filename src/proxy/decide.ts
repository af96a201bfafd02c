import { tierAtLeast } from '@chancery/protocol/tiers.js';
import { brakeOnAgent, brakeOnCredential } from '../brakes/brake.js';
import { type CredentialPolicy, grantKey, type VersionPolicy } from '../credentials/credentials-policy.js';
import { decideDomain } from './domain-policy.js';
import type { UsePolicy } from './use-policy.js';

/** What is asked: who wants to use which credential for a request to where. No secret, no ciphertext. */
export interface UseQuestion {
  readonly agentId: string;
  readonly sessionId: string;
  readonly credentialName: string;
  /** A version still in grace, by number; the current one when left out. */
  readonly version: number | undefined;
  readonly target: { readonly scheme: 'https' | 'http'; readonly host: string; readonly port: number };
}

/** What the node knows outside the tenant's policy, at the moment of the decision. */
export interface NodeState {
  readonly globalBrake: boolean;
  readonly unsealed: boolean;
}

export type DenialCode =
  'brake_active' | 'credential_not_found' | 'tier_too_low' | 'vault_sealed' | 'domain_not_allowed';

export type Decision =
  | { readonly kind: 'unauthenticated' }
  | { readonly kind: 'unknown_session' }
  | {
      readonly kind: 'denied';
      readonly code: DenialCode;
      readonly brakeScope?: string;
      readonly credential?: CredentialPolicy;
    }
  | { readonly kind: 'allowed'; readonly credential: CredentialPolicy; readonly version: number };

/**
 * The fixed order (design 4, P2): session → brake (global, tenant, agent) → credential known and granted → brake
 * (credential) → tier → seal → domain. The first that fails is the answer; the later ones are not looked at.
 */
export function decide(policy: UsePolicy, question: UseQuestion, node: NodeState, nowMs: number): Decision {
  const session = policy.identity.sessions.get(question.sessionId);
  const agent = policy.identity.agents.get(question.agentId);
  if (session === undefined || agent === undefined) return { kind: 'unknown_session' };
  const live = session.agentId === question.agentId && session.state === 'active' && !session.revoked;
  if (!live || session.expiresAtMs <= nowMs || agent.state !== 'active') return { kind: 'unauthenticated' };

  if (node.globalBrake) return { kind: 'denied', code: 'brake_active', brakeScope: 'global' };
  const brake = brakeOnAgent(policy.brakes, question.agentId);
  if (brake !== undefined) return { kind: 'denied', code: 'brake_active', brakeScope: brake.scope };

  const credential = policy.credentials.byName.get(question.credentialName);
  if (credential === undefined) return { kind: 'denied', code: 'credential_not_found' };
  const grant = policy.credentials.grants.get(grantKey(question.agentId, credential.id));
  const number = question.version ?? credential.version;
  const version = usableVersion(credential, number, nowMs);
  if (grant === undefined || version === undefined) return { kind: 'denied', code: 'credential_not_found' };

  if (brakeOnCredential(policy.brakes, credential.id) !== undefined) {
    return { kind: 'denied', code: 'brake_active', brakeScope: 'credential', credential };
  }
  if (grant === 'suspended' || !tierAtLeast(agent.tier, credential.minimumTier)) {
    return { kind: 'denied', code: 'tier_too_low', credential };
  }
  if (!node.unsealed) return { kind: 'denied', code: 'vault_sealed', credential };
  if (decideDomain(version.binding, question.target) !== 'allowed') {
    return { kind: 'denied', code: 'domain_not_allowed', credential };
  }
  return { kind: 'allowed', credential, version: number };
}

function usableVersion(credential: CredentialPolicy, number: number, nowMs: number): VersionPolicy | undefined {
  const version = credential.versions.get(number);
  return version === undefined || (version.expiresAtMs !== null && version.expiresAtMs <= nowMs) ? undefined : version;
}
