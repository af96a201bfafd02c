import { PROOF_WINDOW_MS, ProofWindow } from './proof-window.js';

test('a proof id is remembered for as long as its proof could come again', () => {
  const window = new ProofWindow();
  window.add(['a'], 0);
  window.add(['b'], 1_000);
  window.prune(PROOF_WINDOW_MS);
  expect([window.has('a'), window.has('b')]).toEqual([true, true]);
  window.prune(PROOF_WINDOW_MS + 1);
  expect([window.has('a'), window.has('b')]).toEqual([false, true]);
});

test('a proof acceptable at either end of its two minutes is inside the window, with clocks a minute apart', () => {
  expect(PROOF_WINDOW_MS).toBeGreaterThanOrEqual(2 * 60_000 + 60_000);
});
