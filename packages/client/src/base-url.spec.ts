import { isLoopbackHost, parseBaseUrl } from './base-url.js';

test.each([
  ['https://api.chancery.test/', 'https://api.chancery.test'],
  ['https://api.chancery.test/prefix/', 'https://api.chancery.test/prefix'],
  ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
  ['http://[::1]:3000', 'http://[::1]:3000'],
])('%s is the base %s', (text, base) => expect(parseBaseUrl(text)).toBe(base));

test.each([
  ['nonsense', 'bad_url'],
  ['', 'bad_url'],
  ['ftp://127.0.0.1', 'bad_url'],
  ['https://user:pw@host.test', 'bad_url'],
  ['https://host.test/?a=1', 'bad_url'],
  ['https://host.test/#a', 'bad_url'],
  ['http://host.test', 'insecure_url'],
  ['http://127.0.0.1.evil.test', 'insecure_url'],
])('%j is refused: %s', (text, code) => {
  expect(() => parseBaseUrl(text)).toThrow(expect.objectContaining({ code }));
});

test('cleartext to another host only when it was allowed', () => {
  expect(parseBaseUrl('http://app:3000', { allowCleartext: true })).toBe('http://app:3000');
});

test.each([
  ['localhost', true],
  ['api.localhost', true],
  ['127.1.2.3', true],
  ['::1', true],
  ['[::1]', true],
  ['0.0.0.0', false],
  ['127.0.0.1.evil.test', false],
  ['notlocalhost', false],
  ['192.168.0.1', false],
])('%s is loopback: %s', (host, expected) => expect(isLoopbackHost(host)).toBe(expected));
