import fc from 'fast-check';
import { matches, parseDomainPattern } from './domain-pattern.js';

describe('ATTACKS 12: what covers names of strangers, or is no name, is not stored', () => {
  test.each([
    '*',
    '*.',
    '*.com',
    '*.co.uk',
    '*.github.io',
    '*.s3.amazonaws.com',
    '*.test',
    '*.*.example.com',
    'api.*.com',
    '*api.example.com',
    '[ab].com',
    'a?b',
    'a?b.com',
    '127.0.0.1',
    '*.0.0.1',
    '::1',
    '[::1]',
    '0x7f.1',
    'https://api.example.com',
    'api.example.com/v1',
    'api.example.com:443',
    'user@example.com',
    'bücher.example',
    'api.example.com\n',
    ' api.example.com',
    '',
    '.',
    '.example.com',
    'localhost',
    'com',
    'a..example.com',
    `${'a'.repeat(64)}.com`,
  ])('%j', (input) => expect(parseDomainPattern(input)).toMatchObject({ ok: false, message: expect.any(String) }));
});

test.each([
  ['api.openai.com', 'api.openai.com'],
  ['API.OpenAI.com.', 'api.openai.com'],
  ['*.github.com', '*.github.com'],
  ['*.someone.github.io', '*.someone.github.io'],
  ['api.upstream.test', 'api.upstream.test'],
  ['*.upstream.test', '*.upstream.test'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
])('%j is stored as %j', (input, pattern) => expect(parseDomainPattern(input)).toEqual({ ok: true, pattern }));

test.each(['evilgithub.com', 'github.com', '.github.com', 'github.com.evil.com', 'a.github.com.evil.com'])(
  'ATTACKS 10: *.github.com does not cover %j',
  (host) => expect(matches('*.github.com', host)).toBe(false),
);

test.each(['api.github.com', 'a.b.github.com'])('ATTACKS 11: *.github.com covers %j', (host) =>
  expect(matches('*.github.com', host)).toBe(true),
);

test('ATTACKS 10: a deeper wildcard does not cover a sibling that ends like it', () => {
  expect(matches('*.api.github.com', 'evilapi.github.com')).toBe(false);
  expect(matches('*.api.github.com', 'v1.api.github.com')).toBe(true);
});

test('a wildcard stops where strangers can register names', () => {
  expect(matches('*.amazonaws.com', 'bedrock.eu-west-1.amazonaws.com')).toBe(true);
  expect(matches('*.amazonaws.com', 'evil-bucket.s3.amazonaws.com')).toBe(false);
});

test('a name without a wildcard covers itself and nothing else', () => {
  expect(matches('api.openai.com', 'api.openai.com')).toBe(true);
  expect(matches('api.openai.com', 'x.api.openai.com')).toBe(false);
  expect(matches('api.openai.com', 'openai.com')).toBe(false);
});

test('P: a stored pattern is in canonical form, and a wildcard covers only names that end in its base', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.domain(),
        fc.domain().map((name) => `*.${name}`),
        fc.string(),
      ),
      fc.domain(),
      (input, host) => {
        const stored = parseDomainPattern(input);
        if (!stored.ok) return;
        expect(parseDomainPattern(stored.pattern)).toEqual(stored);
        const base = stored.pattern.replace('*.', '');
        expect(!matches(stored.pattern, host) || `.${host}`.endsWith(`.${base}`)).toBe(true);
      },
    ),
  );
});
