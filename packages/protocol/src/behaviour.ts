/** Calls that a behaviour score looks back on (protocol section 6). */
export const BEHAVIOUR_WINDOW_CALLS = 100;
/** Calls below which there is no verdict; the score then counts as 1. */
export const BEHAVIOUR_CALLS_MIN = 3;

/** How much each part of a behaviour score weighs; together 1. */
export const BEHAVIOUR_WEIGHTS = Object.freeze({ errors: 0.3, denials: 0.25, regularity: 0.25, anomalies: 0.2 });

/** What is no longer usual: an anomaly is what goes over one of these. */
export const ANOMALY_BOUNDS = Object.freeze({
  /** Share of a window's calls that were errors. */
  errorRate: 0.3,
  /** Share of a window's calls that were denied. */
  denialRate: 0.5,
  /** Calls in a minute, in means of the minutes before. */
  rateInMeans: 3,
  /** Duration of a call, in means of the others. */
  latencyInMeans: 5,
});

/** An anomaly takes this share of its part; so five in an hour take all of it. */
const SHARE_OF_ONE_ANOMALY = 0.2;
const DECIMALS = 10_000;

/** What was seen of an agent: counts of its window, and what else the score is made of. */
export type BehaviourObservation = {
  /** Calls in the window, 0 to 100. */
  calls: number;
  /** Of these, errors. */
  errors: number;
  /** Of these, denials. */
  denials: number;
  /** Coefficient of variation (standard deviation over mean) of the calls per minute; 0 when there is nothing to compare. */
  callsPerMinuteCv: number;
  /** Anomalies in the last hour. */
  anomalies: number;
};

/** The parts of a score, each 0 to 1 before it is weighed. */
export type BehaviourComponents = Record<keyof typeof BEHAVIOUR_WEIGHTS, number>;

/** A score and how it came about. */
export type BehaviourScore = {
  /** False with fewer than three calls: then the score says nothing, and counts as 1. */
  verdict: boolean;
  /** 0 to 1, in steps of 0.0001: what is compared is what is shown. */
  score: number;
  components: BehaviourComponents;
};

/**
 * The behaviour score (protocol section 6), computed by the server from what it saw itself:
 * `0.30·max(0, 1−2·errors) + 0.25·max(0, 1−2·denials) + 0.25·max(0, 1−CV) + 0.20·(1−min(1, 0.2·anomalies))`,
 * errors and denials as shares of the calls.
 *
 * @throws {RangeError} when a count is negative or no integer, when errors and denials are more than the calls, or when
 *   the coefficient of variation is negative or no number.
 */
export function behaviourScore(observation: BehaviourObservation): BehaviourScore {
  const { calls, errors, denials, callsPerMinuteCv: cv, anomalies } = observation;
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  if (![calls, errors, denials, anomalies].every(isCount) || errors + denials > calls || !(cv >= 0)) {
    throw new RangeError('no observation of an agent');
  }
  const components = {
    errors: calls === 0 ? 1 : Math.max(0, 1 - (2 * errors) / calls),
    denials: calls === 0 ? 1 : Math.max(0, 1 - (2 * denials) / calls),
    regularity: Math.max(0, 1 - cv),
    anomalies: 1 - Math.min(1, SHARE_OF_ONE_ANOMALY * anomalies),
  };
  if (calls < BEHAVIOUR_CALLS_MIN) return { verdict: false, score: 1, components };
  const names = Object.keys(BEHAVIOUR_WEIGHTS) as (keyof typeof BEHAVIOUR_WEIGHTS)[];
  const sum = names.reduce((total, name) => total + BEHAVIOUR_WEIGHTS[name] * components[name], 0);
  return { verdict: true, score: Math.round(sum * DECIMALS) / DECIMALS, components };
}
