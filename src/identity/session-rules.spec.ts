import { TIER_RULES, TIERS } from '@chancery/protocol/tiers.js';
import fc from 'fast-check';
import {
  APPROVAL_WAIT_MS,
  firstStep,
  hasToken,
  nextStep,
  renewalsLeft,
  SESSIONS_PER_AGENT_MAX,
  type SessionState,
  type SessionStep,
  visibleState,
} from './session-rules.js';

const NOW = Date.UTC(2026, 10, 22);
const HOUR = 3_600_000;
const session = (more: Partial<SessionState> = {}): SessionState => ({
  state: 'active',
  tier: 'NOVICE',
  renewalsUsed: 0,
  expiresAt: new Date(NOW + HOUR),
  revokedAt: null,
  ...more,
});

describe('a new key', () => {
  test.each(TIERS.filter((tier) => tier !== 'SACRED'))('%s begins a session of its lifetime', (tier) => {
    const expiresAtMs = NOW + TIER_RULES[tier].tokenLifetimeSeconds * 1000;
    expect(firstStep(tier, 0, NOW)).toEqual({ kind: 'begin', tier, expiresAtMs });
  });

  test('SACRED asks a person first', () => {
    expect(firstStep('SACRED', 0, NOW)).toEqual({ kind: 'ask', tier: 'SACRED', expiresAtMs: NOW + APPROVAL_WAIT_MS });
  });

  test('live sessions are bounded', () => {
    expect(firstStep('NOVICE', SESSIONS_PER_AGENT_MAX - 1, NOW).kind).toBe('begin');
    expect(firstStep('NOVICE', SESSIONS_PER_AGENT_MAX, NOW).kind).toBe('refuse');
  });
});

describe('a known key', () => {
  test('renews, as often as the tier says', () => {
    expect(nextStep(session({ renewalsUsed: 4 }), 'NOVICE', NOW)).toEqual({
      kind: 'renew',
      tier: 'NOVICE',
      expiresAtMs: NOW + HOUR,
    });
    expect(nextStep(session({ renewalsUsed: 5 }), 'NOVICE', NOW)).toMatchObject({
      kind: 'refuse',
      why: expect.stringContaining('new DPoP key'),
    });
  });

  test('renews for one lifetime after its token has expired, and not a moment longer', () => {
    const expired = session({ expiresAt: new Date(NOW - HOUR + 1) });
    expect(nextStep(expired, 'NOVICE', NOW).kind).toBe('renew');
    expect(nextStep(expired, 'NOVICE', NOW + 1).kind).toBe('refuse');
  });

  test('never comes back once ended', () => {
    expect(nextStep(session({ revokedAt: new Date(NOW - 1) }), 'NOVICE', NOW).kind).toBe('refuse');
  });

  test('a demotion shortens the next token; a promotion does not lengthen it', () => {
    const guardian = session({ tier: 'GUARDIAN', renewalsUsed: 3 });
    expect(nextStep(guardian, 'COMPANION', NOW)).toEqual({
      kind: 'renew',
      tier: 'COMPANION',
      expiresAtMs: NOW + 4 * HOUR,
    });
    expect(nextStep(session(), 'GUARDIAN', NOW)).toMatchObject({ kind: 'renew', tier: 'NOVICE' });
  });
});

describe('SACRED', () => {
  const waiting = session({ tier: 'SACRED', state: 'pending', expiresAt: new Date(NOW + APPROVAL_WAIT_MS) });

  test('waits until a person has approved, then collects its first token', () => {
    expect(nextStep(waiting, 'SACRED', NOW)).toEqual({ kind: 'wait' });
    const approved = { ...waiting, state: 'approved' as const };
    expect(nextStep(approved, 'SACRED', NOW)).toEqual({
      kind: 'collect',
      tier: 'SACRED',
      expiresAtMs: NOW + 24 * HOUR,
    });
    expect(hasToken(approved)).toBe(false);
  });

  test('an approval that nobody collects lapses without grace', () => {
    expect(nextStep(waiting, 'SACRED', NOW + APPROVAL_WAIT_MS).kind).toBe('refuse');
    expect(visibleState(waiting, NOW + APPROVAL_WAIT_MS)).toBe('expired');
  });

  test('every renewal waits for a person too, while the last token stays good', () => {
    const active = session({ tier: 'SACRED', expiresAt: new Date(NOW + 24 * HOUR) });
    expect(nextStep(active, 'SACRED', NOW)).toEqual({ kind: 'ask_again', tier: 'SACRED' });
    const asked = { ...active, state: 'pending' as const, renewalsUsed: 1 };
    expect(hasToken(asked)).toBe(true);
    expect(nextStep(asked, 'SACRED', NOW)).toEqual({ kind: 'wait' });
    expect(nextStep({ ...asked, state: 'approved' }, 'SACRED', NOW)).toMatchObject({ kind: 'collect' });
    expect(nextStep({ ...active, renewalsUsed: 3 }, 'SACRED', NOW).kind).toBe('refuse');
  });

  test('a demoted agent need not wait any more', () => {
    expect(nextStep(waiting, 'PARTNER', NOW)).toEqual({
      kind: 'collect',
      tier: 'PARTNER',
      expiresAtMs: NOW + 8 * HOUR,
    });
  });
});

/** What the repository would hold after a step. */
function after(state: SessionState, step: SessionStep): SessionState {
  const asked = step.kind === 'renew' || step.kind === 'ask_again' ? 1 : 0;
  const renewalsUsed = state.renewalsUsed + asked;
  if (step.kind === 'ask_again') return { ...state, state: 'pending', renewalsUsed };
  if (step.kind !== 'renew' && step.kind !== 'collect') return state;
  return { ...state, state: 'active', renewalsUsed, expiresAt: new Date(step.expiresAtMs) };
}

const approved = (state: SessionState): SessionState =>
  state.state === 'pending' ? { ...state, state: 'approved' } : state;
const yieldsToken = ({ kind }: SessionStep) => kind === 'begin' || kind === 'renew' || kind === 'collect';

test('whatever happens, a session yields at most 1 + renewals tokens', () => {
  const request = fc.record({ waitMs: fc.integer({ min: 0, max: 5 * HOUR }), approve: fc.boolean() });
  fc.assert(
    fc.property(fc.constantFrom(...TIERS), fc.array(request, { maxLength: 80 }), (tier, requests) => {
      const first = firstStep(tier, 0, NOW);
      if (first.kind !== 'begin' && first.kind !== 'ask') throw new Error(first.kind);
      const begun = first.kind === 'begin' ? 'active' : 'pending';
      let state = session({ tier, state: begun, expiresAt: new Date(first.expiresAtMs) });
      let tokens = yieldsToken(first) ? 1 : 0;
      let now = NOW;
      for (const { waitMs, approve } of requests) {
        now += waitMs;
        if (approve) state = approved(state);
        const step = nextStep(state, tier, now);
        if (yieldsToken(step)) tokens += 1;
        state = after(state, step);
        expect(renewalsLeft(state)).toBeGreaterThanOrEqual(0);
      }
      expect(tokens).toBeLessThanOrEqual(1 + TIER_RULES[tier].renewals);
    }),
  );
});
