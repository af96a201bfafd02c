import { RequestTimes } from './request-times.js';

const read = (times: RequestTimes) =>
  [...times.read()].map(([labels, buckets]) => [...Object.values(labels), buckets.count, buckets.sum]);

test('requests are told apart by surface, route and class of status, and by nothing that is in them', () => {
  const times = new RequestTimes();
  const [show, any] = [
    { url: '/v1/agents/:id', method: 'GET' },
    { url: '/v1/x/*', method: ['GET', 'PUT'] },
  ];
  times.count('tenant', show, 200, 250);
  times.count('tenant', show, 204, 500);
  times.count('ops', show, 200, 1_000);
  times.count('tenant', show, 404, 1_000);
  times.count('tenant', any, 503, 2_000);
  times.count('public', null, 404, 0);
  times.count('public', null, 404, 0);
  times.count(undefined, null, 999, 0);
  expect(read(times)).toEqual([
    ['tenant', 'GET', '/v1/agents/:id', '2xx', 2, 0.75],
    ['tenant', 'GET', '/v1/agents/:id', '4xx', 1, 1],
    ['ops', 'GET', '/v1/agents/:id', '2xx', 1, 1],
    ['tenant', 'ANY', '/v1/x/*', '5xx', 1, 2],
    ['public', 'none', 'none', '4xx', 2, 0],
    ['none', 'none', 'none', '5xx', 1, 0],
  ]);
});
