import fc from 'fast-check';
import { normalizeHtu } from './htu.js';

test.each([
  ['HTTPS://API.Example.COM', 'https://api.example.com/'],
  ['https://api.example.com:443/v1', 'https://api.example.com/v1'],
  ['https://api.example.com:0443/v1', 'https://api.example.com/v1'],
  ['https://api.example.com:/v1', 'https://api.example.com/v1'],
  ['http://api.example.com:80', 'http://api.example.com/'],
  ['http://api.example.com:443/', 'http://api.example.com:443/'],
  ['https://api.example.com:8443/', 'https://api.example.com:8443/'],
  ['https://api.example.com/a?b=c#d', 'https://api.example.com/a'],
  ['https://api.example.com?b=c', 'https://api.example.com/'],
  ['https://api.example.com#d?e', 'https://api.example.com/'],
  ['https://api.example.com/%7eadmin/%41%2d', 'https://api.example.com/~admin/A-'],
  ['https://api.example.com/a%2fb', 'https://api.example.com/a%2Fb'],
  ['https://api.example.com/a/./b/../c', 'https://api.example.com/a/c'],
  ['https://api.example.com/a/%2e%2e/b', 'https://api.example.com/b'],
  ['https://api.example.com/../../a', 'https://api.example.com/a'],
  ['https://api.example.com/a/..', 'https://api.example.com/'],
  ['https://api.example.com/a/.', 'https://api.example.com/a/'],
  ['https://api.example.com/a//b/', 'https://api.example.com/a//b/'],
  ['https://[2001:DB8::1]:443/a', 'https://[2001:db8::1]/a'],
  ['http://127.0.0.1:3000/v1', 'http://127.0.0.1:3000/v1'],
])('%s is %s', (uri, normal) => {
  expect(normalizeHtu(uri)).toBe(normal);
});

test.each([
  '',
  '/v1/x',
  '//api.example.com/',
  'ftp://api.example.com/',
  'https:api.example.com',
  'https:///path',
  'https://user@api.example.com/',
  'https://user:pw@api.example.com/',
  'https://api.example.com\\@evil.com/',
  'https://api.example.com/a b',
  'https://api.example.com/\t',
  'https://api.example.com/é',
  'https://api.example.com/%',
  'https://api.example.com/%4',
  'https://api.example.com/%zz',
  'https://api%2eexample.com/',
  'https://api.example.com:99999999/',
  'https://api.example.com:80a/',
  'https://[::1/',
  'https://api.example.com/a#b#c',
  'https://api.example.com/[a]',
  'https://[::1%25eth0]/',
  `https://api.example.com/${'a'.repeat(2_048)}`,
])('%j has no normal form', (uri) => {
  expect(normalizeHtu(uri)).toBeUndefined();
});

test('a normal form is its own, and WHATWG reads it as the same target', () => {
  const piece = fc.constantFrom('a', 'B', '.', '..', '%41', '%2f', '%2E', '%e9', '~', '', ';x=1', "'", '@', ':');
  const uri = fc
    .tuple(
      fc.constantFrom('http', 'HTTPS'),
      fc.constantFrom('', ':80', ':443', ':8080'),
      fc.array(piece),
      fc.constantFrom('', '?q', '#f'),
    )
    .map(([scheme, port, path, end]) => `${scheme}://Api.Example.com${port}/${path.join('/')}${end}`);
  fc.assert(
    fc.property(uri, (text) => {
      const normal = normalizeHtu(text)!;
      expect(normalizeHtu(normal)).toBe(normal);
      const url = new URL(text);
      expect(new URL(normal).origin).toBe(url.origin);
      expect(new URL(normal).pathname).toBe(normal.slice(url.origin.length));
    }),
  );
});
