import { Places } from './places.js';

test('P20: calls are limited for a tenant and in all, and a place given back twice is one place', () => {
  const places = new Places(3, 2);
  const first = places.take('a');
  places.take('a');
  expect(() => places.take('a')).toThrow('too many calls');
  const other = places.take('b');
  expect(() => places.take('c')).toThrow('too many calls');

  first();
  first();
  places.take('c');
  expect(() => places.take('a')).toThrow('too many calls');
  other();
  places.take('a');
  expect(() => places.take('b')).toThrow('too many calls');
});
