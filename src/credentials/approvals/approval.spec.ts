import fc from 'fast-check';
import { judge, stateAt, type UseApproval } from './approval.js';

const NOW = 1_000_000;
const open: UseApproval = {
  id: 'a',
  kind: 'use',
  state: 'approved',
  agentId: 'agent',
  requestHash: 'h',
  expiresAtMs: NOW + 1,
  used: false,
};
const asked = { agentId: 'agent', requestHash: 'h', spent: false };
const code = (verdict: ReturnType<typeof judge>): string => (verdict.kind === 'denied' ? verdict.code : verdict.kind);

test.each<[string, Partial<UseApproval>, Partial<typeof asked>, string]>([
  ['approved, for this very request', {}, {}, 'approved'],
  ['still waiting', { state: 'pending' }, {}, 'pending'],
  ['refused', { state: 'refused' }, {}, 'approval_refused'],
  ['marked expired', { state: 'expired' }, {}, 'approval_expired'],
  ['approved, and its time is up', { expiresAtMs: NOW }, {}, 'approval_expired'],
  ['waiting, and its time is up', { state: 'pending', expiresAtMs: NOW }, {}, 'approval_expired'],
  ['used before the policy was loaded', { used: true }, {}, 'approval_used'],
  ['used since', {}, { spent: true }, 'approval_used'],
  ['used in time, asked about late', { used: true, expiresAtMs: NOW }, {}, 'approval_used'],
  ['for another request', {}, { requestHash: 'other' }, 'approval_mismatch'],
  ['waiting, for another request', { state: 'pending' }, { requestHash: 'other' }, 'approval_mismatch'],
  ['another agent’s', {}, { agentId: 'other' }, 'not_found'],
  ['another agent’s, and used', { used: true }, { agentId: 'other' }, 'not_found'],
])('an approval that is %s', (_, is, of, expected) => {
  expect(code(judge({ ...open, ...is }, { ...asked, ...of }, NOW))).toBe(expected);
});

test('there is none: not_found', () => expect(code(judge(undefined, asked, NOW))).toBe('not_found'));

test('what was approved besides uses does not lapse', () => {
  const facts = { state: 'approved', expiresAtMs: NOW, used: false } as const;
  expect(stateAt({ ...facts, kind: 'access' }, NOW)).toBe('approved');
  expect(stateAt({ ...facts, kind: 'session' }, NOW)).toBe('approved');
  expect(stateAt({ ...facts, kind: 'use' }, NOW)).toBe('expired');
});

/** What can happen to one approval, in any order, on any node. */
const step = fc.oneof(
  fc.constant({ do: 'approve' } as const),
  fc.constant({ do: 'refuse' } as const),
  fc.constant({ do: 'sweep' } as const),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('reload' as const), node: fc.integer({ min: 0, max: 1 }) }),
  fc.record({ do: fc.constant('use' as const), node: fc.integer({ min: 0, max: 1 }), hash: fc.constantFrom('h', 'x') }),
);

/** What a node has in memory: a policy of some load, and what was spent since. */
interface Memory {
  approval: UseApproval;
  spent: boolean;
  head: number;
}

test('one approval, one use: under any interleaving of two nodes, people and time', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let nowMs = 0;
      let stored: UseApproval = { ...open, state: 'pending', expiresAtMs: 5 };
      let head = 0;
      const intents: { hash: string; state: string; atMs: number }[] = [];
      const load = (): Memory => ({ approval: { ...stored, used: intents.length > 0 }, spent: false, head });
      const nodes = [load(), load()];
      const people = (state: UseApproval['state'], expiresAtMs: number): void => {
        if (stateAt({ ...stored, used: intents.length > 0 }, nowMs) !== 'pending') return;
        stored = { ...stored, state, expiresAtMs };
        head += 1;
      };
      for (const one of steps) {
        if (one.do === 'wait') nowMs += one.ms;
        if (one.do === 'approve') people('approved', nowMs + 3);
        if (one.do === 'refuse') people('refused', stored.expiresAtMs);
        if (one.do === 'sweep' && stateAt({ ...stored, used: intents.length > 0 }, nowMs) === 'expired') {
          stored = { ...stored, state: 'expired' };
          head += 1;
        }
        if (one.do === 'reload') nodes[one.node] = load();
        if (one.do !== 'use') continue;
        const memory = nodes[one.node] as Memory;
        const verdict = judge(memory.approval, { ...asked, requestHash: one.hash, spent: memory.spent }, nowMs);
        // The swap: what was decided under another head is decided again under the newest.
        if (memory.head !== head) nodes[one.node] = load();
        else if (verdict.kind === 'approved') {
          intents.push({ hash: one.hash, state: stored.state, atMs: nowMs });
          head += 1;
          nodes[one.node] = { ...memory, spent: true, head };
        }
      }
      expect(intents.length).toBeLessThanOrEqual(1);
      for (const intent of intents) expect(intent).toMatchObject({ hash: 'h', state: 'approved' });
      for (const { atMs } of intents) expect(atMs).toBeLessThan(stored.expiresAtMs);
    }),
    { numRuns: 2_000 },
  );
});
