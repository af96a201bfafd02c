import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AgentPrincipal } from './principal.js';

/** Turns `Authorization: DPoP` and its proof into a principal, or throws the 401 that says why. `identity` implements it. */
export abstract class AgentAuthenticator {
  abstract authenticate(request: FastifyRequest, reply: FastifyReply): Promise<AgentPrincipal>;
  /** What an agent may know of itself. */
  abstract describe(principal: AgentPrincipal): Promise<{ readonly name: string; readonly tier: string }>;
}
