import { ProblemError } from '../platform/http/problem.js';
import { actorOf, type Principal } from '../tenancy/principal.js';

/** Who was ever shown an API key of the agent: whoever registered it, and whoever replaced the key since. */
export type KeyHolders = readonly string[];

export const withHolder = (holders: KeyHolders, principal: Principal): string[] => [
  ...new Set([...holders, actorOf(principal)]),
];

/**
 * Nobody approves their own: who holds an agent's key can act as that agent, and would be asking themselves. An old key
 * counts too; that it is dead says nothing about who arranged the request.
 */
export function assertNotOwn(principal: Principal, { keyHolders }: { readonly keyHolders: KeyHolders }): void {
  if (principal.kind === 'member' && !keyHolders.includes(actorOf(principal))) return;
  throw new ProblemError({
    code: 'own_request',
    status: 403,
    title: 'Nobody approves their own request',
    detail: 'You were shown an API key of this agent. Somebody else has to look at what it asks for.',
  });
}
