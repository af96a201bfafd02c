import { tierAtLeast } from '@chancery/protocol/tiers.js';
import type { UseCounts } from '../audit/use-window.js';
import { brakeOnAgent, brakeOnCredential } from '../brakes/brake.js';
import type { ApprovalDenial } from '../credentials/approvals/approval.js';
import { type CredentialPolicy, grantKey, type VersionPolicy } from '../credentials/credentials-policy.js';
import { publicId } from '../platform/ids.js';
import { agentActor } from '../tenancy/principal.js';
import { withDefaultPlace } from './default-injection.js';
import { decideBinding, type RequestFacts } from './binding-policy.js';
import { misfit } from './template-fit.js';
import { type OverLimit, overLimit, type UseLimits } from './use-limits.js';
import type { UsePolicy } from './use-policy.js';

/** What is asked: who wants to use which credential for a request to where. No secret, no ciphertext. */
export interface UseQuestion {
  readonly agentId: string;
  readonly sessionId: string;
  readonly credentialName: string;
  /** A version still in grace, by number; the current one when left out. */
  readonly version: number | undefined;
  readonly request: RequestFacts;
}

/** What the node knows outside the tenant's policy, at the moment of the decision. */
export interface NodeState {
  readonly globalBrake: boolean;
  readonly unsealed: boolean;
  readonly limits: UseLimits;
  /** The uses there are, as the chain tells them. */
  readonly uses: UseCounts;
}

export type DenialCode =
  | 'brake_active'
  | 'credential_not_found'
  | 'tier_too_low'
  | 'vault_sealed'
  | 'domain_not_allowed'
  | 'request_method_not_allowed'
  | 'path_not_allowed'
  | 'placement_not_allowed'
  | 'placeholder_missing'
  | 'template_refused'
  | 'limit_reached'
  | ApprovalDenial
  | 'too_many_approvals';

export interface Denial {
  readonly kind: 'denied';
  readonly code: DenialCode;
  readonly brakeScope?: string;
  /** What is wrong with this one request, where the code alone does not say it. */
  readonly detail?: string;
  /** Which limit, and when to ask again. */
  readonly over?: OverLimit;
  /** The approval that was presented and does not cover it. */
  readonly approvalId?: string;
  readonly credential?: CredentialPolicy;
}

export type Decision =
  | { readonly kind: 'unauthenticated' }
  | { readonly kind: 'unknown_session' }
  | Denial
  | {
      readonly kind: 'allowed';
      readonly credential: CredentialPolicy;
      readonly version: number;
      /** The approval it spends. */
      readonly approvalId?: string;
    };

/**
 * The fixed order (design 4, P2): session → brake (global, tenant, agent) → credential known and granted → brake
 * (credential) → tier → seal → domain → method → path → placement → the template fits → limits. The first that fails is the answer;
 * the later ones are not looked at. Whether a person approved the use is asked behind all of them (approval-gate.ts).
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
  const request = withDefaultPlace(question.request, credential.injection);
  const verdict = decideBinding(version.binding, request);
  if (verdict !== 'allowed') return { kind: 'denied', code: verdict, credential };
  const wrong = misfit(version.fields, request.slots);
  if (wrong !== null) return { kind: 'denied', ...wrong, credential };
  const over = overLimit(node.uses, useOf(question.agentId, credential), node.limits);
  if (over !== null) return { kind: 'denied', code: 'limit_reached', over, credential };
  return { kind: 'allowed', credential, version: number };
}

/** Who uses what, as entries name them. */
function useOf(agentId: string, { id, limits: { perMinute } }: CredentialPolicy) {
  return { actor: agentActor(agentId), credential: publicId('crd', id), perMinute };
}

function usableVersion(credential: CredentialPolicy, number: number, nowMs: number): VersionPolicy | undefined {
  const version = credential.versions.get(number);
  return version === undefined || (version.expiresAtMs !== null && version.expiresAtMs <= nowMs) ? undefined : version;
}
