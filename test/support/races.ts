import type { Cast, Node } from './two-nodes.js';

/** An act that changes what a use comes to, and what that is. */
export interface Race {
  readonly act: string;
  /** Tier the agent holds before it. */
  readonly tier?: string;
  readonly credential?: Readonly<Record<string, unknown>>;
  /** What a use before the act is answered; 200 unless told otherwise. */
  readonly before?: number;
  /** What a use that comes behind the act is answered. */
  readonly after: { readonly status: number; readonly code?: string };
  /** The act's entry, behind which no use may stand that was decided before it. */
  readonly entry: string;
  perform(it: Cast, node: Node): Promise<{ readonly status: number; readonly body: unknown }>;
}

const reason = 'race';
const brake = (of: (it: Cast) => Record<string, unknown>) => ({
  after: { status: 403, code: 'brake_active' },
  entry: 'brake.activate',
  perform: (it: Cast, node: Node) => it.admin(node)('POST', '/v1/brakes', { ...of(it), reason }),
});
const agentAct = (verb: string, who: 'admin' | 'human', body: Record<string, unknown> = { reason }) => ({
  entry: `agent.${verb}`,
  perform: (it: Cast, node: Node) => it[who](node)('POST', `/v1/agents/${it.agent.id}/${verb}`, body),
});
const SESSION_OVER = { status: 401, code: 'invalid_token' };
const NOT_FOUND = { status: 404, code: 'credential_not_found' };
const TIER_TOO_LOW = { status: 403, code: 'tier_too_low' };

export const RACES: readonly Race[] = [
  { act: 'a brake on the tenant', ...brake(() => ({ scope: 'tenant' })) },
  { act: 'a brake on the agent', ...brake(({ agent }) => ({ scope: 'agent', agent_id: agent.id })) },
  {
    act: 'a brake on the credential',
    ...brake(({ credential }) => ({ scope: 'credential', credential_name: credential })),
  },
  { act: 'a demotion', after: TIER_TOO_LOW, ...agentAct('demote', 'admin', { tier: 'NOVICE', reason }) },
  {
    act: 'a promotion that allows it',
    credential: { minimum_tier: 'PARTNER' },
    before: 403,
    after: { status: 200 },
    ...agentAct('promote', 'human', { tier: 'PARTNER', reason }),
  },
  {
    act: 'a promotion that ends unapproved sessions',
    after: SESSION_OVER,
    ...agentAct('promote', 'human', { tier: 'SACRED', reason }),
  },
  {
    act: 'the removal of its grant',
    after: NOT_FOUND,
    entry: 'grant.remove',
    perform: (it, node) => it.admin(node)('DELETE', `/v1/credentials/${it.credential}/grants/${it.agent.id}`),
  },
  {
    act: 'an edit of the binding',
    after: { status: 403, code: 'domain_not_allowed' },
    entry: 'credential.bind.outcome',
    perform: (it, node) =>
      it.admin(node)('PUT', `/v1/credentials/${it.credential}/binding`, { allowed_domains: ['elsewhere.example'] }),
  },
  {
    act: 'a rotation',
    after: { status: 200 },
    entry: 'credential.rotate',
    perform: (it, node) =>
      it.admin(node)('POST', `/v1/credentials/${it.credential}/rotate`, { value: NEXT_SECRET, grace_seconds: 0 }),
  },
  {
    act: 'the revocation of its session',
    after: SESSION_OVER,
    entry: 'session.revoke',
    perform: (it, node) => it.admin(node)('POST', `/v1/sessions/${it.sessionId}/revoke`, { reason }),
  },
  { act: "the agent's suspension", after: SESSION_OVER, ...agentAct('suspend', 'admin') },
  { act: "the agent's revocation", after: SESSION_OVER, ...agentAct('revoke', 'admin') },
  {
    act: 'a new API key',
    after: SESSION_OVER,
    ...agentAct('api-key', 'admin', {}),
    entry: 'agent.api_key.replace',
  },
  {
    act: "the credential's deletion",
    after: NOT_FOUND,
    entry: 'credential.delete',
    perform: (it, node) => it.admin(node)('DELETE', `/v1/credentials/${it.credential}`),
  },
  {
    act: 'a higher minimum tier',
    after: TIER_TOO_LOW,
    entry: 'credential.tier',
    perform: (it, node) => it.admin(node)('PATCH', `/v1/credentials/${it.credential}`, { minimum_tier: 'GUARDIAN' }),
  },
];

const NEXT_SECRET = 'sk-live-fedcba9876543210';
