import { publicId } from '../platform/ids.js';

export const MEMBER_ROLES = ['owner', 'admin', 'approver', 'auditor'] as const;
export type MemberRole = (typeof MEMBER_ROLES)[number];
export const KEY_ROLES = ['admin', 'auditor'] as const;
export type KeyRole = (typeof KEY_ROLES)[number];

/** A person who signed in with a second factor. */
export interface MemberPrincipal {
  readonly kind: 'member';
  readonly tenantId: string;
  readonly id: string;
  readonly role: MemberRole;
  readonly name: string;
  readonly sessionId: string;
  /** When the second factor was last shown. */
  readonly factorAtMs: number;
}

/** A tenant's service, or the operator's (an ops key). */
export interface ServiceKeyPrincipal {
  readonly kind: 'service_key';
  readonly tenantId: string;
  readonly id: string;
  readonly role: KeyRole;
  readonly name: string;
}

/** An agent with a DPoP-bound token and a proof that was checked, but not yet spent. */
export interface AgentPrincipal {
  readonly kind: 'agent';
  readonly tenantId: string;
  readonly id: string;
  readonly sessionId: string;
  readonly scopes: readonly string[];
  /** Hex SHA-256(jkt ‖ jti): spent once, in the entry of the use it proves. */
  readonly proofId: string;
}

export type Principal = MemberPrincipal | ServiceKeyPrincipal | AgentPrincipal;

export const ID_PREFIX = { member: 'mem', service_key: 'key', agent: 'agt' } as const;

/** How the audit chain names a principal. */
export function actorOf(principal: Principal): string {
  return `${principal.kind}:${publicId(ID_PREFIX[principal.kind], principal.id)}`;
}

/** How the audit chain names an agent. */
export const agentActor = (agentId: string): string => `agent:${publicId(ID_PREFIX.agent, agentId)}`;
