// Jest's order of files. It remembers how long each took; on a machine that has never run them it goes by size, and what
// starts processes again and again would come last, with one core idle.
import Sequencer from '@jest/test-sequencer';

const HEAVIEST = [
  'e2e/crashes',
  'acceptance/quickstart-restarts',
  'e2e/overload',
  'integration/races',
  'e2e/restored-backup',
  'e2e/global-brake-on-all-nodes',
  'acceptance/quickstart-prompt',
  'integration/job-queue',
  'e2e/bad-input',
  'e2e/database-gone',
  'e2e/strangers',
  'attacks/canary',
  'integration/races-model',
];
const rank = ({ path }) => {
  const place = HEAVIEST.findIndex((name) => path.endsWith(`/test/${name}.spec.ts`));
  if (place >= 0) return place;
  return path.includes('/test/') ? HEAVIEST.length : HEAVIEST.length + 1;
};

export default class HeaviestFirst extends Sequencer {
  async sort(tests) {
    return [...(await super.sort(tests))].sort((a, b) => rank(a) - rank(b));
  }
}
