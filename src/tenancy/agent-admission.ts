import type { AgentPrincipal } from './principal.js';

/**
 * Lets an agent into a route that leaves no audit entry of its own: its session is looked up, and its proof is spent.
 * (A use of a credential needs neither: its decision reads the session, its entry spends the proof.) `identity` implements it.
 */
export abstract class AgentAdmission {
  /** Throws 401 `invalid_token` or `invalid_dpop_proof`. */
  abstract admit(principal: AgentPrincipal): Promise<{ readonly name: string; readonly tier: string }>;
}
