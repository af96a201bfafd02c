import { coversPath, parsePathPrefix } from './path-prefix.js';

const stored = (input: string): string => {
  const parsed = parsePathPrefix(input);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.prefix;
};

test.each([
  ['/v1', '/v1'],
  ['/v1/', '/v1'],
  ['/v1/models', '/v1/models'],
  ['/%76%31', '/v1'],
  ['/a%2fb', '/a%2Fb'],
  ["/a;b=c/d,e'f", "/a;b=c/d,e'f"],
  ['/{x}', '/%7Bx%7D'],
])('%s is kept as %s', (input, kept) => expect(stored(input)).toBe(kept));

test.each([
  '',
  'v1',
  '/',
  '//',
  '/a//b',
  '/a//',
  '/.',
  '/a/..',
  '/a/%2e%2E/b',
  '/a?b',
  '/a#b',
  '/a b',
  '/ä',
  '/a\\b',
  '/%',
  '/%zz',
  'https://a.example/v1',
])('%j is refused', (input) => expect(parsePathPrefix(input).ok).toBe(false));

test.each([
  ['/v1', '/v1', true],
  ['/v1', '/v1/', true],
  ['/v1', '/v1/models', true],
  ['/v1', '/v10', false],
  ['/v1', '/v1-beta/x', false],
  ['/v1', '/V1', false],
  ['/v1', '//v1', false],
  ['/v1', '/', false],
  ['/v1/models', '/v1', false],
  ['/v1/models', '/v1%2Fmodels', false],
  ['/a%2Fb', '/a%2Fb/c', true],
  ['/a%2Fb', '/a/b/c', false],
])('%s covers %s: %p', (prefix, path, covers) => expect(coversPath(prefix, path)).toBe(covers));
