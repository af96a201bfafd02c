import { waitOf } from './prefer.js';

test.each<[string | string[] | undefined, number]>([
  [undefined, 0],
  ['', 0],
  ['respond-async', 0],
  ['wait=10', 10],
  ['wait="10"', 10],
  ['Wait = 10', 10],
  ['respond-async, wait=10', 10],
  [['respond-async', 'wait=10'], 10],
  ['wait=10; foo, handling=lenient', 10],
  ['wait=600', 60],
  ['wait=0', 0],
  ['wait=-1', 0],
  ['wait=1.5', 0],
  ['await=10', 0],
  ['wait', 0],
])('Prefer: %j waits %d seconds', (prefer, seconds) => expect(waitOf(prefer)).toBe(seconds));
