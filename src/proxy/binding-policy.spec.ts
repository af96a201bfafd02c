import fc from 'fast-check';
import type { Binding } from '../credentials/binding.js';
import { coversPath, parsePathPrefix } from '../credentials/path-prefix.js';
import { decideBinding, factsOf, mayClimb } from './binding-policy.js';
import { readTarget } from './target.js';
import { type ExecuteRequest, parseTemplate } from './template.js';

const BINDING: Binding = { allowed_domains: ['a.example'], ports: [443], cleartext: false };
const GET: ExecuteRequest = {
  method: 'GET',
  url: 'https://a.example/v1/models',
  headers: { authorization: 'Bearer {{CREDENTIAL}}' },
};

const verdict = (binding: Partial<Binding>, request: Partial<ExecuteRequest> = {}): string => {
  const parsed = parseTemplate({ ...GET, ...request }, { allowCleartext: false });
  if (!parsed.ok) throw new Error(parsed.detail);
  return decideBinding({ ...BINDING, ...binding }, factsOf(parsed.value));
};
const path = (of: string) => ({ url: `https://a.example${of}` });

test('what a binding leaves out is not restricted', () => {
  expect(verdict({}, { method: 'DELETE', ...path('/anything?k={{CREDENTIAL}}') })).toBe('allowed');
});

test('methods, with what a header asks for instead of them', () => {
  const methods = ['GET', 'POST'];
  expect(verdict({ methods })).toBe('allowed');
  expect(verdict({ methods }, { method: 'post' })).toBe('allowed');
  expect(verdict({ methods }, { method: 'HEAD' })).toBe('request_method_not_allowed');
  const asking = (name: string, value: string) => ({ method: 'POST', headers: { ...GET.headers, [name]: value } });
  expect(verdict({ methods }, asking('X-HTTP-Method-Override', ' delete '))).toBe('request_method_not_allowed');
  expect(verdict({ methods }, asking('x-http-method', 'GET'))).toBe('allowed');
  expect(verdict({ methods }, asking('X-Method-Override', '{{CREDENTIAL}}'))).toBe('request_method_not_allowed');
  expect(verdict({}, asking('X-HTTP-Method-Override', 'DELETE'))).toBe('allowed');
});

describe('ATTACKS 23: paths, by whole segments of the one that is sent', () => {
  const path_prefixes = ['/v1/models', '/v1/chat'];
  test.each([
    '/v1/models',
    '/v1/models/',
    '/v1/models/gpt',
    '/v1/x/../models',
    '/v1/%6Dodels/%2fetc',
    '/v1/chat/a%2Fb',
    '/v1/chat/a..b/...',
    '/v1/chat/%E2%82%AC',
    '/v1/chat/{{CREDENTIAL}}/x',
    '/v1/chat/100%25',
  ])('%s', (of) => expect(verdict({ path_prefixes }, path(of))).toBe('allowed'));
  test.each([
    '/',
    '/v1',
    '/v1/models-x',
    '/v1/Models',
    '/v1%2Fmodels',
    '//v1/models',
    '/v1//models',
    '/v1/models/../files',
    '/v1/models/%2e%2e/files',
    '/v1/models/%2F..%2F..%2Ffiles',
    '/v1/models/..%2Ffiles',
    '/v1/models/%252e%252e%252ffiles',
    '/v1/models/%25252e%25252e/files',
    '/v1/models/..%5Cfiles',
    '/v1/models/..;/files',
    '/v1/models/..;a=b/files',
    '/v1/models/..%00/files',
    '/v1/models/%C0%AE%C0%AE/files',
    '/{{CREDENTIAL}}/models',
  ])('%s is refused', (of) => expect(verdict({ path_prefixes }, path(of))).toBe('path_not_allowed'));

  test.each(['X-Original-URL', 'x-rewrite-url'])('with %s, which asks for another', (name) => {
    const headers = { ...GET.headers, [name]: '/v1/files' };
    expect(verdict({ path_prefixes }, { headers })).toBe('path_not_allowed');
    expect(verdict({}, { headers })).toBe('allowed');
  });

  test('P: however often and however carelessly it is decoded, an allowed path stays under its prefix', () => {
    const piece = fc.constantFrom(
      'a',
      '.',
      '..',
      '/',
      '\\',
      '%',
      '25',
      '2e',
      '2E',
      '2F',
      '5c',
      '%2e',
      '%2f',
      ';',
      '%00',
    );
    const careless = (text: string, times: number): string => {
      let read = text;
      for (let i = 0; i < times; i += 1)
        read = read.replace(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)));
      const segments = read
        .replaceAll('\\', '/')
        .split('/')
        .map((segment) => segment.replace(/[;\0].*$/s, ''));
      return new URL(segments.join('/'), 'https://a.example').pathname;
    };
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.nat(6), (pieces, times) => {
        const parsed = parseTemplate(
          { ...GET, ...path(`/v1/models/${pieces.join('').replaceAll('\\', '%5C')}`) },
          { allowCleartext: false },
        );
        fc.pre(parsed.ok);
        if (decideBinding({ ...BINDING, path_prefixes }, factsOf(parsed.value)) !== 'allowed') return;
        expect(careless(parsed.value.path.literals.join(''), times)).toMatch(/^\/v1\/(?:models|chat)(?:\/|$)/);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a path that goes on decoding for ever is refused', () => {
    expect(mayClimb(`/v1/%${'25'.repeat(50)}41`)).toBe(true);
    expect(mayClimb('/v1/%2541')).toBe(false);
  });
});

test('places', () => {
  const placements = ['header'] as const;
  expect(verdict({ placements })).toBe('allowed');
  expect(verdict({ placements }, { query: { k: '{{CREDENTIAL}}' } })).toBe('placement_not_allowed');
  expect(verdict({ placements }, { headers: {}, method: 'POST', body: { k: '{{CREDENTIAL}}' } })).toBe(
    'placement_not_allowed',
  );
  expect(verdict({ placements: ['path'] }, { headers: {}, ...path('/{{CREDENTIAL}}') })).toBe('allowed');
});

test('P2: domain, method, path, place: the first that fails is the answer', () => {
  const binding: Binding = { ...BINDING, methods: ['GET'], path_prefixes: ['/v1'], placements: ['header'] };
  const wrong = { method: 'POST', url: 'https://b.example/x?k={{CREDENTIAL}}' };
  expect(verdict(binding, wrong)).toBe('domain_not_allowed');
  expect(verdict(binding, { ...wrong, url: 'https://a.example/x?k={{CREDENTIAL}}' })).toBe(
    'request_method_not_allowed',
  );
  expect(verdict(binding, { url: 'https://a.example/x?k={{CREDENTIAL}}' })).toBe('path_not_allowed');
  expect(verdict(binding, { url: 'https://a.example/v1?k={{CREDENTIAL}}' })).toBe('placement_not_allowed');
  expect(verdict(binding)).toBe('allowed');
});

const part = fc.string({
  minLength: 1,
  maxLength: 4,
  unit: fc.constantFrom('a', 'B', '1', '.', '-', '~', ';', '=', '%2F', '%2e', '%41', '%7e', '%c3%a9', '+', '!'),
});
const segments = fc.array(part, { minLength: 1, maxLength: 4 });

test('P: what is kept is kept as it is, and covers exactly the paths that begin with its segments', () => {
  fc.assert(
    fc.property(segments, segments, (some, others) => {
      const parsed = parsePathPrefix(`/${some.join('/')}`);
      fc.pre(parsed.ok);
      expect(parsePathPrefix(parsed.prefix)).toEqual(parsed);
      for (const asked of [`/${others.join('/')}`, `/${[...some, ...others].join('/')}`, `/${some.join('/')}x`]) {
        const target = readTarget(`https://a.example${asked}`, { allowCleartext: false });
        const own = parsed.prefix.split('/');
        const begins = own.every((segment, index) => segment === target.path.split('/')[index]);
        expect(coversPath(parsed.prefix, target.path)).toBe(begins);
      }
    }),
  );
});
