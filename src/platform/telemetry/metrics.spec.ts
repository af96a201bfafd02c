import { Buckets } from './buckets.js';
import { Metrics } from './metrics.js';

const own = async (metrics: Metrics): Promise<string[]> =>
  (await metrics.text()).split('\n').filter((line) => line.includes('chancery_test'));

test('buckets count what is at most their bound, as Prometheus adds them up', () => {
  const buckets = new Buckets([1, 2, 4]);
  for (const value of [0, 1, 1.5, 2, 3, 100]) buckets.observe(value);
  expect(buckets.upTo()).toEqual([
    [1, 2],
    [2, 4],
    [4, 5],
  ]);
  expect([buckets.count, buckets.sum]).toEqual([6, 107.5]);
});

test('what rooms count is read when somebody asks, and not before', async () => {
  const metrics = new Metrics();
  let count = 0;
  const buckets = new Buckets([0.1, 1]);
  metrics.counter('chancery_test_things_total', 'Things.', () => count);
  metrics.gauge('chancery_test_state', 'A state.', () => Promise.resolve([[{ use: 'a"\\\n' }, 0.5]]));
  metrics.histogram('chancery_test_seconds', 'How long.', () => [[{ route: '/v1/:id' }, buckets]]);
  count = 3;
  buckets.observe(0.5);
  expect(await own(metrics)).toEqual([
    '# HELP chancery_test_things_total Things.',
    '# TYPE chancery_test_things_total counter',
    'chancery_test_things_total 3',
    '# HELP chancery_test_state A state.',
    '# TYPE chancery_test_state gauge',
    'chancery_test_state{use="a\\"\\\\\\n"} 0.5',
    '# HELP chancery_test_seconds How long.',
    '# TYPE chancery_test_seconds histogram',
    'chancery_test_seconds_bucket{route="/v1/:id",le="0.1"} 0',
    'chancery_test_seconds_bucket{route="/v1/:id",le="1"} 1',
    'chancery_test_seconds_bucket{route="/v1/:id",le="+Inf"} 1',
    'chancery_test_seconds_sum{route="/v1/:id"} 0.5',
    'chancery_test_seconds_count{route="/v1/:id"} 1',
  ]);
});

test('a reader that fails leaves its own metric out', async () => {
  const metrics = new Metrics();
  metrics.gauge('chancery_test_gone', 'Gone.', () => Promise.reject(new Error('no database')));
  metrics.counter('chancery_test_thrown_total', 'Thrown.', () => {
    throw new Error('a fault');
  });
  metrics.gauge('chancery_test_there', 'There.', () => 1);
  const samples = (await own(metrics)).filter((line) => !line.startsWith('#'));
  expect(samples).toEqual(['chancery_test_there 1']);
});

test('two applications in one process count apart; within one, a name is taken once', async () => {
  const [one, other] = [new Metrics(), new Metrics()];
  one.gauge('chancery_test_which', 'Which.', () => 1);
  other.gauge('chancery_test_which', 'Which.', () => 2);
  expect([(await own(one)).at(-1), (await own(other)).at(-1)]).toEqual([
    'chancery_test_which 1',
    'chancery_test_which 2',
  ]);
  expect(() => one.gauge('chancery_test_which', 'Again.', () => 3)).toThrow('already');
  expect(() => one.gauge('other_name', 'Not ours.', () => 3)).toThrow('chancery_');
  expect(await one.text()).toMatch(/^chancery_nodejs_eventloop_lag_p99_seconds \S+$/m);
});
