import fc from 'fast-check';
import { result } from './refusal.js';
import { readTarget, type TargetOptions } from './target.js';

const parseTarget = (url: string, options: TargetOptions) => result(() => readTarget(url, options));

const SECURE = { allowCleartext: false };
const target = (url: string, options = SECURE) => {
  const parsed = parseTarget(url, options);
  if (!parsed.ok) throw new Error(`${parsed.code}: ${parsed.detail}`);
  return parsed.value;
};
const codeOf = (url: string, options = SECURE) => {
  const parsed = parseTarget(url, options);
  return parsed.ok ? 'ok' : parsed.code;
};

describe('ATTACKS 1, 2, 5, 8: what two parsers could read in two ways is refused', () => {
  test.each([
    'https://api.openai.com@evil.com/',
    'https://evil.com@api.openai.com/',
    'https://@api.openai.com/',
    'https://user:password@api.openai.com/',
    'https://evil.com\\@api.openai.com/',
    'https://api.openai.com\\@evil.com/',
    'https://api.openai.com\\.evil.com/',
    'https://api.openai.com/a\\b',
    'https://api.openai.com\t/',
    'https://api.ope\nnai.com/',
    'https://api.openai.com/\r\nHost: evil.com',
    'https://api.openai.com\0.evil.com/',
    ' https://api.openai.com/',
    'https://api.openai.com/a b',
    'https://ａｐｉ.openai.com/',
    'https://api。openai。com/',
    'https://api.openai.com/ü',
    'https://%2eevil.com/',
    'https://api.openai.com%2eevil.com/',
    'https://api.openai.com%00.evil.com/',
    'https://{api}.openai.com/',
    'ftp://api.openai.com/',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'https:api.openai.com',
    'https:/api.openai.com',
    'https:/\\evil.com',
    '//evil.com',
    '/v1/models',
    '',
    'https://',
    'https:///evil.com',
    'https://?@api.openai.com',
    'https://api..openai.com/',
    'https://.openai.com/',
    'https://api.openai.com../',
    'https://-api.openai.com/',
    'https://api_x.openai.com/',
    `https://${'a'.repeat(64)}.com/`,
    `https://${'a.'.repeat(130)}com/`,
    `https://api.openai.com/${'a'.repeat(8_192)}`,
    'https://api.openai.com/%',
    'https://api.openai.com/%zz',
    'https://api.openai.com/?a=%4',
  ])('%j', (url) => expect(codeOf(url)).toBe('url_refused'));
});

describe('ATTACKS 14: an IP address in any spelling is refused as a host', () => {
  test.each([
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0x7f.1/',
    'https://0x/',
    'https://017700000001/',
    'https://127.1/',
    'https://1.1.1.1./',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://①②⑦.⓪.⓪.①/',
    'https://evil.0x7f/',
  ])('%j', (url) => expect(codeOf(url)).toBe('url_refused'));
});

test.each([
  ['https://evil.com#@api.openai.com', 'evil.com'],
  ['https://evil.com?@api.openai.com', 'evil.com'],
  ['https://api.openai.com.evil.com/', 'api.openai.com.evil.com'],
  ['https://xn--pi-6kc.openai.com/', 'xn--pi-6kc.openai.com'],
])('ATTACKS 3, 6: %j is well formed and aims at %j', (url, host) => expect(target(url).host).toBe(host));

test.each([
  'https://API.OpenAI.com/',
  'https://api.openai.com./',
  'HTTPS://api.openai.com:443',
  'https://api.openai.com',
])('ATTACKS 4: %j has the one canonical form', (url) => expect(target(url)).toEqual(target('https://api.openai.com/')));

test.each([
  ['https://api.openai.com:22/', 22],
  ['https://api.openai.com:8443/', 8443],
  ['https://api.openai.com/', 443],
])('ATTACKS 7: the port of %j is seen as %d', (url, port) => expect(target(url).port).toBe(port));

test.each([':0', ':65536', ':', ':0443', ':443:443', ':4x', ':-1', ':99999999'])(
  'ATTACKS 7: the port %j is refused',
  (port) => expect(codeOf(`https://api.openai.com${port}/`)).toBe('url_refused'),
);

test('ATTACKS 8: cleartext is read only where the deployment allows it', () => {
  expect(codeOf('http://api.openai.com/')).toBe('url_refused');
  expect(target('http://api.openai.com/', { allowCleartext: true })).toMatchObject({ scheme: 'http', port: 80 });
});

test.each([
  '{{CREDENTIAL}}://api.openai.com/',
  'https://{{CREDENTIAL}}@api.openai.com/',
  'https://{{CREDENTIAL}}.openai.com/',
  'https://api.openai.com:{{CREDENTIAL}}/',
  'https://api.openai.com/#{{CREDENTIAL}}',
  'https://api.openai.com/?{{CREDENTIAL}}=1',
  'https://api.openai.com/?{{CREDENTIAL}}',
])('ATTACKS 9: a placeholder in %j is refused as a template', (url) => expect(codeOf(url)).toBe('template_refused'));

test.each([
  ['/a/../b', '/b'],
  ['/a/./b/.', '/a/b/'],
  ['/a/%2e%2e/b', '/b'],
  ['/a/%2E./b', '/b'],
  ['/../../etc', '/etc'],
  ['/a/b/..', '/a/'],
  ['/a%2fb', '/a%2Fb'],
  ['/a/..%2fb', '/a/..%2Fb'],
  ['/%61%7e', '/a~'],
  ['/a//b', '/a//b'],
  ['/a"<b>', '/a%22%3Cb%3E'],
  ['/%252e%252e/', '/%252e%252e/'],
  ['/{{CREDENTIAL}}/x', '/{{CREDENTIAL}}/x'],
  ['/{{CREDENTI%41L}}', '/%7B%7BCREDENTIAL%7D%7D'],
  ['', '/'],
])('ATTACKS 23: the path %j has one form, %j', (raw, path) =>
  expect(target(`https://api.openai.com${raw}`).path).toBe(path),
);

test('the written-down URL shows no query and no default port', () => {
  expect(target('https://api.openai.com:443/v1?key=abc#x').url).toBe('https://api.openai.com/v1');
  expect(target('https://api.openai.com:8443/v1?key=abc').url).toBe('https://api.openai.com:8443/v1');
});

const HOSTILE = fc.constantFrom(
  '@',
  '\\',
  '/',
  '?',
  '#',
  ':',
  '%2e',
  '%00',
  '.',
  'evil.com',
  'api.openai.com',
  '[',
  ']',
  '\t',
  '。',
  '{',
  '//',
);

test('P: whatever is accepted, the platform parser goes to the same host and port, and a second reading changes nothing', () => {
  const url = fc
    .tuple(fc.constantFrom('https://', 'http://', 'https:', 'https:/'), fc.array(HOSTILE, { maxLength: 8 }))
    .map(([start, parts]) => start + parts.join(''));
  fc.assert(
    fc.property(fc.oneof(url, fc.webUrl(), fc.string()), (raw) => {
      const parsed = parseTarget(raw, { allowCleartext: true });
      if (!parsed.ok) return;
      const seen = new URL(raw);
      expect(seen.hostname.replace(/\.$/, '')).toBe(parsed.value.host);
      expect(seen.username + seen.password).toBe('');
      expect(parseTarget(parsed.value.url, { allowCleartext: true })).toEqual({
        ok: true,
        value: { ...parsed.value, query: [] },
      });
    }),
    { numRuns: 3_000 },
  );
});
