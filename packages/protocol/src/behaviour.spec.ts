import fc from 'fast-check';
import { BEHAVIOUR_WEIGHTS, type BehaviourObservation, behaviourScore } from './behaviour.js';

const quiet: BehaviourObservation = { calls: 100, errors: 0, denials: 0, callsPerMinuteCv: 0, anomalies: 0 };

const observation = fc
  .record({
    errors: fc.nat(40),
    denials: fc.nat(40),
    others: fc.nat(20),
    callsPerMinuteCv: fc.double({ min: 0, max: 3, noNaN: true }),
    anomalies: fc.nat(12),
  })
  .map(({ others, ...rest }) => ({ ...rest, calls: rest.errors + rest.denials + others }));

describe('the behaviour score', () => {
  // Computed by hand from protocol section 6.
  test.each<[string, Partial<BehaviourObservation>, number]>([
    ['nothing amiss', {}, 1],
    ['10 % errors: 0.30·0.8 + 0.70', { errors: 10 }, 0.94],
    ['30 % denials: 0.25·0.4 + 0.75', { denials: 30 }, 0.85],
    ['half of everything: 0 + 0 + 0.25 + 0.20', { errors: 50, denials: 50 }, 0.45],
    ['CV 0.6: 0.25·0.4 + 0.75', { callsPerMinuteCv: 0.6 }, 0.85],
    ['CV over 1 takes all of its part and no more', { callsPerMinuteCv: 7 }, 0.75],
    ['two anomalies: 0.20·0.6 + 0.80', { anomalies: 2 }, 0.92],
    ['nine anomalies take all of their part and no more', { anomalies: 9 }, 0.8],
    ['a third of three: 0.30/3 + 0.70', { calls: 3, errors: 1 }, 0.8],
    ['everything at its worst but denials', { errors: 100, callsPerMinuteCv: 2, anomalies: 5 }, 0.25],
    [
      '5 % errors, 4 % denials, CV 0.31, one anomaly: 0.27 + 0.23 + 0.1725 + 0.16',
      {
        errors: 5,
        denials: 4,
        callsPerMinuteCv: 0.31,
        anomalies: 1,
      },
      0.8325,
    ],
  ])('%s', (_, more, score) => {
    expect(behaviourScore({ ...quiet, ...more })).toMatchObject({ verdict: true, score });
  });

  test('its weights come to 1', () => {
    expect(Object.values(BEHAVIOUR_WEIGHTS).reduce<number>((sum, weight) => sum + weight, 0)).toBe(1);
  });

  test('fewer than three calls are no verdict and count as 1, whatever they were', () => {
    const two = { calls: 2, errors: 1, denials: 1, callsPerMinuteCv: 3, anomalies: 9 };
    expect(behaviourScore(two)).toMatchObject({ verdict: false, score: 1 });
    expect(behaviourScore({ ...quiet, calls: 0 })).toMatchObject({ verdict: false, score: 1 });
  });

  test('stays between 0 and 1, and each part too', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        const { score, components } = behaviourScore(seen);
        for (const value of [score, ...Object.values(components)]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  test('never rises with one more error, denial or anomaly, or with less regularity', () => {
    const judged = observation.filter(({ calls, errors, denials }) => calls >= 3 && errors + denials < calls);
    fc.assert(
      fc.property(judged, fc.double({ min: 0, max: 2, noNaN: true }), (seen, less) => {
        const { score } = behaviourScore(seen);
        for (const worse of [
          { ...seen, errors: seen.errors + 1 },
          { ...seen, denials: seen.denials + 1 },
          { ...seen, anomalies: seen.anomalies + 1 },
          { ...seen, callsPerMinuteCv: seen.callsPerMinuteCv + less },
        ]) {
          expect(behaviourScore(worse).score).toBeLessThanOrEqual(score);
        }
      }),
    );
  });

  test('one more good call never lowers it', () => {
    const judged = observation.filter(({ calls }) => calls >= 3);
    fc.assert(
      fc.property(judged, (seen) => {
        const better = behaviourScore({ ...seen, calls: seen.calls + 1 }).score;
        expect(better).toBeGreaterThanOrEqual(behaviourScore(seen).score);
      }),
    );
  });

  test.each([
    { calls: -1 },
    { errors: 101 },
    { errors: 60, denials: 60 },
    { callsPerMinuteCv: Number.NaN },
    { anomalies: 0.5 },
  ])('refuses what nobody can have seen: %j', (more) => {
    expect(() => behaviourScore({ ...quiet, ...more })).toThrow(RangeError);
  });
});
