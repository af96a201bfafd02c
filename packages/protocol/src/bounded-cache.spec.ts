import { BoundedCache } from './bounded-cache.js';

test('forgets the least recently used, never holds more than its bound', () => {
  const cache = new BoundedCache<string, number>(2);
  cache.set('a', 1);
  cache.set('b', 2);
  expect(cache.get('a')).toBe(1);
  cache.set('c', 3);
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3]);
  cache.set('a', 4);
  cache.set('d', 5);
  expect([cache.get('a'), cache.get('c'), cache.get('d'), cache.size]).toEqual([4, undefined, 5, 2]);
});

test.each([0, -1, 1.5, NaN])('a bound of %s is refused', (max) => {
  expect(() => new BoundedCache(max)).toThrow(RangeError);
});
