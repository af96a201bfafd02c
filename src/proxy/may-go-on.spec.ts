import type { ActiveBrake } from '../brakes/brake.js';
import { grantKey } from '../credentials/credentials-policy.js';
import { mayGoOn } from './may-go-on.js';
import type { UsePolicy } from './use-policy.js';

const CALL = { agentId: 'a', sessionId: 's', credentialId: 'c' };
const NOW = 1_000;

interface Change {
  readonly agent?: 'suspended' | 'revoked' | 'gone';
  readonly session?: 'revoked' | 'expired' | 'gone';
  readonly grant?: 'suspended' | 'gone';
  readonly brake?: Partial<ActiveBrake>;
}

function policy({ agent, session, grant, brake }: Change = {}): UsePolicy {
  const state = agent === 'suspended' || agent === 'revoked' ? agent : 'active';
  const expiresAtMs = session === 'expired' ? NOW : NOW + 1;
  const known = { agentId: 'a', state: 'active', expiresAtMs, revoked: session === 'revoked' } as const;
  return {
    identity: {
      agents: new Map(agent === 'gone' ? [] : [['a', { tier: 'NOVICE', state }]]),
      sessions: new Map(session === 'gone' ? [] : [['s', known]]),
    },
    brakes: brake === undefined ? [] : [{ id: 'b', scope: 'tenant', agentId: null, credentialId: null, ...brake }],
    approvals: new Map(),
    credentials: {
      // The credential itself is not looked at: what deletes it takes its grants away.
      byName: new Map(),
      grants: new Map(grant === 'gone' ? [] : [[grantKey('a', 'c'), grant ?? 'active']]),
    },
  };
}

test.each<[string, Change, string | null]>([
  ['nothing changed', {}, null],
  ['a brake on the tenant', { brake: {} }, 'brake'],
  ['a brake on the agent', { brake: { scope: 'agent', agentId: 'a' } }, 'brake'],
  ['a brake on another agent', { brake: { scope: 'agent', agentId: 'z' } }, null],
  ['a brake on the credential', { brake: { scope: 'credential', credentialId: 'c' } }, 'brake'],
  ['a brake on another credential', { brake: { scope: 'credential', credentialId: 'z' } }, null],
  ['the agent suspended', { agent: 'suspended' }, 'suspended'],
  ['the agent revoked', { agent: 'revoked' }, 'session_ended'],
  ['the agent unknown', { agent: 'gone' }, 'session_ended'],
  ['the session revoked', { session: 'revoked' }, 'session_ended'],
  ['the session expired', { session: 'expired' }, 'session_ended'],
  ['the session unknown', { session: 'gone' }, 'session_ended'],
  ['the grant taken away, or the credential deleted', { grant: 'gone' }, 'deleted'],
  ['the grant suspended by a demotion', { grant: 'suspended' }, null],
  ['a brake and a suspension', { brake: {}, agent: 'suspended' }, 'brake'],
])('P4: %s', (_what, change, expected) => {
  expect(mayGoOn(policy(change), CALL, NOW)).toBe(expected);
});
