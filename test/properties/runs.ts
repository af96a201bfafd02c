const LONG = process.env.CHANCERY_TEST_LONG === '1';
/** How many times more `npm run test:long` tries. */
const LONG_FACTOR = 100;

/** How often a property is tried: thousands of times in `npm test`, millions in `npm run test:long`. */
export const runs = (count: number): { readonly numRuns: number } => ({ numRuns: LONG ? count * LONG_FACTOR : count });

/** A test that goes over a network tries as often as it can in the time there is. */
export const dialledRuns = (count: number): { readonly numRuns: number } => ({ numRuns: LONG ? count * 20 : count });

export const PROPERTY_TIMEOUT_MS = LONG ? 3_600_000 : 600_000;
