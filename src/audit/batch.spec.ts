import { newUuid } from '../platform/ids.js';
import { decideBatch } from './batch.js';
import { ChainMemory } from './chain-memory.js';
import type { Decide } from './decision.js';
import { Submission } from './submission.js';

const NOW = 1_000;
const head = { seq: 1, hash: '0'.repeat(64), epoch: 0 };

/** A use that is let through when its approval is not spent yet, as the decision above takes it. */
const spending =
  (approval: string): Decide<null, string> =>
  (view) =>
    view.spent(approval)
      ? { kind: 'silent', result: 'spent' }
      : {
          kind: 'entry',
          draft: { actor: 'agent:a', action: 'credential.use', outcome: 'intent', details: { approval } },
          result: 'used',
        };

function decided(chain: ChainMemory, approvals: readonly string[]): { results: unknown[]; chain: ChainMemory } {
  const known = { head, policy: null, chain, load: 1 };
  const none = (): void => undefined;
  const taken = approvals.map((approval) => new Submission<null>(spending(approval), NOW + 1, 0, 0, none, none));
  const batch = decideBatch(newUuid(), known, taken, NOW);
  if (batch === null) throw new Error('nobody asked for a fresh policy');
  chain.advance(batch.learned, NOW, NOW);
  return { results: batch.decided.map(({ result }) => result), chain };
}

test('one approval, one use: also of two that are decided together', () => {
  expect(decided(new ChainMemory(), ['apr_1', 'apr_1', 'apr_2']).results).toEqual(['used', 'spent', 'used']);
});

test('what a batch spent stays spent when it is durable', () => {
  const { chain } = decided(new ChainMemory(), ['apr_1']);
  expect(decided(chain, ['apr_1', 'apr_2']).results).toEqual(['spent', 'used']);
});
