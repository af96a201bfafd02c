import fc from 'fast-check';
import { BrakeProver, type BrakeSpan } from './audit-brake-proof.js';
import type { AuditEntry } from './audit-entry.js';
import type { JsonObject } from './json-value.js';

const BRAKE = `brk_${'b'.repeat(32)}`;
type Drafted = { action: string; outcome: string; actor?: string; details: JsonObject };

function prove(drafts: readonly Drafted[], global?: BrakeSpan): BrakeProver {
  const prover = new BrakeProver(BRAKE, global);
  drafts.forEach((draft, i) => {
    const rest = { v: 1, tenant: 'ten', at: '', salt: '', prev: '', actor: 'member:m' } as const;
    prover.entry({ ...rest, seq: i + 1, ...draft } satisfies AuditEntry);
  });
  return prover;
}

const SCOPES = ['tenant', 'agent', 'credential'] as const;
const pull = (scope: string, brake = BRAKE): Drafted => ({
  action: 'brake.activate',
  outcome: 'success',
  details: {
    brake,
    scope,
    ...(scope === 'agent' && { agent: 'a1' }),
    ...(scope === 'credential' && { credential: 'c1' }),
  },
});
const clear: Drafted = { action: 'brake.clear', outcome: 'success', details: { brake: BRAKE } };
const use = (agent: string, credential: string, outcome = 'intent', platformSeq = 1): Drafted => ({
  action: 'credential.use',
  outcome,
  actor: `agent:${agent}`,
  details: { credential, platform_seq: platformSeq },
});

test.each(SCOPES)('P4: a use behind a brake on the %s that covers it is found', (scope) => {
  const prover = prove([use('a1', 'c1'), pull(scope), use('a1', 'c1'), clear]);
  expect(prover.span).toMatchObject({ scope, from: 2, until: 4 });
  expect(prover.violation).toMatchObject({ seq: 3 });
});

test.each(SCOPES)('uses before, after, denied and not covered do not count against a brake on the %s', (scope) => {
  const others = scope === 'tenant' ? [] : [scope === 'agent' ? use('a2', 'c1') : use('a1', 'c2')];
  const chain = [use('a1', 'c1'), pull(scope), ...others, use('a1', 'c1', 'denied'), clear, use('a1', 'c1')];
  expect(prove(chain).violation).toBeUndefined();
});

test('P4: whatever happens in a chain, exactly the uses that a brake covers while it is on violate it', () => {
  const step = fc.oneof(
    fc.record({ agent: fc.constantFrom('a1', 'a2'), credential: fc.constantFrom('c1', 'c2') }),
    fc.constantFrom('toggle' as const, 'denied' as const, 'other' as const),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...SCOPES),
      fc.nat(20),
      fc.nat(20),
      fc.array(step, { maxLength: 40 }),
      (scope, from, length, steps) => {
        const drafts: Drafted[] = [];
        let expected: number | undefined;
        steps.forEach((what, i) => {
          if (i === from) drafts.push(pull(scope));
          if (i === from + length + 1) drafts.push(clear);
          const isOn = i >= from && i < from + length + 1;
          if (what === 'denied') drafts.push(use('a1', 'c1', 'denied'));
          else if (what === 'other') drafts.push({ action: 'agent.register', outcome: 'success', details: {} });
          else if (what === 'toggle') drafts.push(pull('tenant', `brk_${'c'.repeat(32)}`));
          else {
            drafts.push(use(what.agent, what.credential));
            const isCovered =
              scope === 'tenant' || (scope === 'agent' ? what.agent === 'a1' : what.credential === 'c1');
            if (isOn && isCovered) expected ??= drafts.length;
          }
        });
        expect(prove(drafts).violation?.seq).toBe(expected);
      },
    ),
  );
});

test('P4: under a global brake, exactly the uses that were decided in its span violate it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 }),
      fc.option(fc.integer({ min: 1, max: 30 }), { nil: null }),
      fc.array(fc.nat(70), { maxLength: 30 }),
      (from, length, positions) => {
        const until = length === null ? null : from + length;
        const span: BrakeSpan = { brake: BRAKE, scope: 'global', covers: null, from, until };
        const prover = prove(
          positions.map((at) => use('a1', 'c1', 'intent', at)),
          span,
        );
        const first = positions.findIndex((at) => at >= from && (until === null || at < until));
        expect(prover.violation?.seq).toBe(first === -1 ? undefined : first + 1);
        expect(prover.uses).toBe(positions.length);
      },
    ),
  );
});

test('a use that names no platform position proves nothing', () => {
  const span: BrakeSpan = { brake: BRAKE, scope: 'global', covers: null, from: 5, until: null };
  const nameless = { ...use('a1', 'c1'), details: {} };
  expect(prove([nameless], span).violation).toMatchObject({ seq: 1 });
});

test.each<[string, Drafted[]]>([
  ['pulled twice', [pull('tenant'), pull('tenant')]],
  ['cleared twice', [pull('tenant'), clear, clear]],
  ['cleared before it was pulled', [clear]],
  ['of no scope', [pull('everything')]],
  ['on no agent', [{ ...pull('agent'), details: { brake: BRAKE, scope: 'agent' } }]],
])('a brake that is %s is a violation, not a proof', (_what, chain) => {
  expect(prove(chain).violation).toBeDefined();
});

test('a chain without the brake has no span', () => {
  expect(prove([pull('tenant', `brk_${'c'.repeat(32)}`), use('a1', 'c1')]).span).toBeUndefined();
});
