import { brakeOnAgent, brakeOnCredential } from '../brakes/brake.js';
import { grantKey } from '../credentials/credentials-policy.js';
import type { CallLabels, CutReason } from '../platform/outbound/in-flight.js';
import type { UsePolicy } from './use-policy.js';

/**
 * Whether a call that was allowed may go on under a newer policy: null, or why it is cut. What ends it is what people
 * pull in an emergency: a brake, the end of its session, a suspension, a deletion. A rotation, an edited binding or a
 * demotion is for the next call.
 */
export function mayGoOn(policy: UsePolicy, labels: Omit<CallLabels, 'tenantId'>, nowMs: number): CutReason | null {
  const { agentId, sessionId, credentialId } = labels;
  if (brakeOnAgent(policy.brakes, agentId) !== undefined) return 'brake';
  if (brakeOnCredential(policy.brakes, credentialId) !== undefined) return 'brake';
  const agent = policy.identity.agents.get(agentId);
  if (agent?.state === 'suspended') return 'suspended';
  const session = policy.identity.sessions.get(sessionId);
  if (agent?.state !== 'active' || session === undefined) return 'session_ended';
  if (session.revoked || session.expiresAtMs <= nowMs) return 'session_ended';
  return policy.credentials.grants.has(grantKey(agentId, credentialId)) ? null : 'deleted';
}
