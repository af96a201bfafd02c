import type { ActiveBrake } from '../brakes/brake.js';
import type { Binding } from '../credentials/binding.js';
import { type CredentialPolicy, grantKey } from '../credentials/credentials-policy.js';
import { decide, type NodeState } from './decide.js';
import { factsOf } from './binding-policy.js';
import { parseTemplate } from './template.js';
import type { UsePolicy } from './use-policy.js';

const NOW = 1_000;
const [AGENT, SESSION, CREDENTIAL] = ['a', 's', 'c'].map((one) => `0192f0c1-a2b3-7c4d-8e9f-00000000000${one}`) as [
  string,
  string,
  string,
];

/** In the order of design 4: whatever else is wrong, the first of these that is wrong is the answer. */
const ORDER = [
  ['session ended', 'unauthenticated'],
  ['global brake', 'brake_active'],
  ['tenant brake', 'brake_active'],
  ['agent brake', 'brake_active'],
  ['unknown', 'credential_not_found'],
  ['not granted', 'credential_not_found'],
  ['credential brake', 'brake_active'],
  ['tier too low', 'tier_too_low'],
  ['grant suspended', 'tier_too_low'],
  ['vault sealed', 'vault_sealed'],
  ['foreign domain', 'domain_not_allowed'],
  ['method', 'request_method_not_allowed'],
  ['path', 'path_not_allowed'],
  ['place', 'placement_not_allowed'],
  ['no place', 'placeholder_missing'],
  ['unknown field', 'template_refused'],
  ['over the limit', 'limit_reached'],
] as const;
type Fault = (typeof ORDER)[number][0];

/** What cannot be wrong at once: a request that names no place has none that is wrong, nor a field. */
const EXCLUDE: readonly (readonly [Fault, Fault])[] = [
  ['not granted', 'grant suspended'],
  ['no place', 'place'],
  ['no place', 'unknown field'],
];

const BINDING: Binding = {
  allowed_domains: ['a.example'],
  ports: [443],
  cleartext: false,
  methods: ['GET'],
  path_prefixes: ['/v1'],
  placements: ['header'],
};

type Has = (fault: Fault) => boolean;

function requestWith(has: Has) {
  const slot = has('unknown field') ? '{{CREDENTIAL.token}}' : '{{CREDENTIAL.password}}';
  const placed = has('place') ? { query: { key: slot } } : { headers: { authorization: slot } };
  const host = has('foreign domain') ? 'b.example' : 'a.example';
  const parsed = parseTemplate(
    {
      method: has('method') ? 'POST' : 'GET',
      url: `https://${host}${has('path') ? '/v10' : '/v1'}`,
      ...(has('no place') ? {} : placed),
    },
    { allowCleartext: false },
  );
  if (!parsed.ok) throw new Error(parsed.detail);
  return factsOf(parsed.value);
}

function policyWith(has: Has): UsePolicy {
  const brake = (fault: Fault, scope: ActiveBrake['scope'], on: Partial<ActiveBrake> = {}): ActiveBrake[] =>
    has(fault) ? [{ id: fault, scope, agentId: null, credentialId: null, ...on }] : [];
  const credential: CredentialPolicy = {
    id: CREDENTIAL,
    minimumTier: has('tier too low') ? 'GUARDIAN' : 'COMPANION',
    version: 1,
    redact: true,
    injection: null,
    approval: 'none',
    limits: { perMinute: null },
    flags: [],
    versions: new Map([[1, { binding: BINDING, fields: { password: 'secret' }, expiresAtMs: null }]]),
  };
  const grant = has('grant suspended') ? 'suspended' : 'active';
  const session = { agentId: AGENT, state: 'active', expiresAtMs: NOW + 1, revoked: has('session ended') } as const;
  return {
    identity: {
      agents: new Map([[AGENT, { tier: 'COMPANION', state: 'active' }]]),
      sessions: new Map([[SESSION, session]]),
    },
    brakes: [
      ...brake('tenant brake', 'tenant'),
      ...brake('agent brake', 'agent', { agentId: AGENT }),
      ...brake('credential brake', 'credential', { credentialId: CREDENTIAL }),
    ],
    approvals: new Map(),
    credentials: {
      byName: new Map(has('unknown') ? [] : [['key', credential]]),
      grants: new Map(has('not granted') ? [] : [[grantKey(AGENT, CREDENTIAL), grant]]),
    },
  };
}

const nodeWith = (has: Has): NodeState => ({
  globalBrake: has('global brake'),
  unsealed: !has('vault sealed'),
  limits: { agentConcurrent: 1, tenantConcurrent: 1, perMinute: 1 },
  uses: { underWay: () => 0, recent: () => (has('over the limit') ? 1 : 0), untilFewerMs: () => 1 },
});

test('P2: of every subset of faults the first in order is the answer', () => {
  const question = { agentId: AGENT, sessionId: SESSION, credentialName: 'key', version: undefined };
  const requests = new Map<string, ReturnType<typeof requestWith>>();
  const wrong: string[] = [];
  let looked = 0;
  for (let bits = 0; bits < 2 ** ORDER.length; bits += 1) {
    const faults = new Set(ORDER.filter((_, index) => (bits >> index) & 1).map(([fault]) => fault));
    if (EXCLUDE.some(([one, other]) => faults.has(one) && faults.has(other))) continue;
    const has: Has = (fault) => faults.has(fault);
    const kind = ORDER.slice(10, 16)
      .map(([fault]) => (has(fault) ? fault : ''))
      .join();
    const request = requests.get(kind) ?? requestWith(has);
    requests.set(kind, request);
    const decision = decide(policyWith(has), { ...question, request }, nodeWith(has), NOW);
    const is = decision.kind === 'denied' ? decision.code : decision.kind;
    const due = ORDER.find(([fault]) => faults.has(fault));
    if (is !== (due?.[1] ?? 'allowed')) wrong.push(`${[...faults].join(' + ')}: ${is}`);
    if (decision.kind === 'denied' && decision.code === 'brake_active' && due?.[0] !== `${decision.brakeScope} brake`)
      wrong.push(`${[...faults].join(' + ')}: the brake on the ${decision.brakeScope}`);
    looked += 1;
  }
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(looked).toBe(2 ** (ORDER.length - 5) * 3 * 5);
});
