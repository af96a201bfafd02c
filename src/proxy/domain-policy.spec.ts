import { decideDomain } from './domain-policy.js';
import { result } from './refusal.js';
import { readTarget, type TargetOptions } from './target.js';

const parseTarget = (url: string, options: TargetOptions) => result(() => readTarget(url, options));

const OPENAI = { allowed_domains: ['api.openai.com'], ports: [443], cleartext: false };

const decide = (url: string, binding = OPENAI) => {
  const parsed = parseTarget(url, { allowCleartext: true });
  return parsed.ok ? decideDomain(binding, parsed.value) : parsed.code;
};

test.each(['https://api.openai.com/', 'https://API.openai.com./v1?x=1', 'https://api.openai.com:443/'])(
  '%j is allowed',
  (url) => expect(decide(url)).toBe('allowed'),
);

test.each([
  'https://evil.com#@api.openai.com',
  'https://evil.com?@api.openai.com',
  'https://api.openai.com.evil.com/',
  'https://openai.com/',
  'https://x.api.openai.com/',
  'https://xn--pi-6kc.openai.com/',
  'https://api.openai.com:22/',
  'https://api.openai.com:8443/',
  'http://api.openai.com/',
  'http://api.openai.com:443/',
])('ATTACKS 3, 6, 7, 8: %j is not allowed', (url) => expect(decide(url)).toBe('domain_not_allowed'));

test('a bound port and bound cleartext are allowed, for that host only', () => {
  const binding = { allowed_domains: ['*.example.com'], ports: [80, 8443], cleartext: true };
  expect(decide('https://api.example.com:8443/', binding)).toBe('allowed');
  expect(decide('http://api.example.com/', binding)).toBe('allowed');
  expect(decide('https://api.example.com/', binding)).toBe('domain_not_allowed');
  expect(decide('http://example.com/', binding)).toBe('domain_not_allowed');
});

test('ATTACKS 13: without domains any host is allowed, still only on the bound ports', () => {
  const binding = { allowed_domains: [], ports: [443], cleartext: false };
  expect(decide('https://anywhere.example/', binding)).toBe('allowed');
  expect(decide('https://anywhere.example:22/', binding)).toBe('domain_not_allowed');
});
