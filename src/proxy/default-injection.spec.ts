import type { Injection } from '../credentials/injection.js';
import { factsOf } from './binding-policy.js';
import { withDefaultInjection, withDefaultPlace } from './default-injection.js';
import { render } from './render.js';
import { misfit } from './template-fit.js';
import { type ExecuteRequest, parseTemplate } from './template.js';

const parsed = (request: Partial<ExecuteRequest>) => {
  const template = parseTemplate({ method: 'GET', url: 'https://a.example/v1', ...request }, { allowCleartext: false });
  if (!template.ok) throw new Error(template.detail);
  return template.value;
};
const sent = (request: Partial<ExecuteRequest>, injection: Injection | null) => {
  const filling = { bytesFor: (slot: string) => Buffer.from(slot === '' ? 'S&S' : `${slot}&S`) };
  const rendered = render(withDefaultInjection(parsed(request), injection), filling);
  if (!rendered.ok) throw new Error(rendered.detail);
  return rendered.value;
};

test.each<[Injection, object]>([
  [
    { kind: 'scheme', scheme: 'Bearer' },
    { headers: [['authorization', 'Bearer S&S']], path: '/v1' },
  ],
  [
    { kind: 'scheme', scheme: 'Token', field: 'key' },
    { headers: [['authorization', 'Token key&S']], path: '/v1' },
  ],
  [{ kind: 'basic' }, { headers: [['authorization', 'Basic basic&S']], path: '/v1' }],
  [
    { kind: 'header', name: 'X-Api-Key' },
    { headers: [['X-Api-Key', 'S&S']], path: '/v1' },
  ],
  [
    { kind: 'query', name: 'a key' },
    { headers: [], path: '/v1?a%20key=S%26S' },
  ],
])('%j', (injection, arrives) => expect(sent({}, injection)).toMatchObject(arrives));

test('a header of the same name goes, however it is spelled, and nothing else', () => {
  const headers = { Authorization: 'Bearer made-up', 'X-A': '1' };
  expect(sent({ headers }, { kind: 'scheme', scheme: 'Bearer' }).headers).toEqual([
    ['X-A', '1'],
    ['authorization', 'Bearer S&S'],
  ]);
});

test('ATTACKS 26: a parameter of the same name is replaced, not repeated', () => {
  const url = 'https://a.example/v1?a+key=mine&a&b=%20&a%20k%65y=again';
  expect(sent({ url, query: { c: 'd' } }, { kind: 'query', name: 'a key' }).path).toBe('/v1?a&b=%20&c=d&a%20key=S%26S');
});

test('a template that names a place itself is left as it is', () => {
  const template = parsed({ headers: { 'X-Key': '{{CREDENTIAL}}' } });
  expect(withDefaultInjection(template, { kind: 'scheme', scheme: 'Bearer' })).toBe(template);
  const facts = factsOf(template);
  expect(withDefaultPlace(facts, { kind: 'query', name: 'key' })).toBe(facts);
  expect(sent({}, null)).toMatchObject({ headers: [], path: '/v1' });
});

test('a decision sees the place that the request will have', () => {
  for (const injection of [{ kind: 'basic' }, { kind: 'query', name: 'k', field: 'key' }] as const) {
    const { places, slots } = withDefaultInjection(parsed({}), injection);
    expect(withDefaultPlace(factsOf(parsed({})), injection)).toMatchObject({ places, slots });
  }
});

test('what a template asks for must be what the credential has, and no refusal names what it has', () => {
  const shape = { username: 'public', password: 'secret' } as const;
  expect(misfit(null, [''])).toBeNull();
  expect(misfit(shape, ['basic', 'password'])).toBeNull();
  expect(misfit(null, [])).toEqual({ code: 'placeholder_missing' });
  for (const [of, slots] of [
    [shape, ['']],
    [shape, ['token']],
    [shape, ['password', 'constructor']],
    [null, ['password']],
    [null, ['', 'basic']],
    [{ key: 'secret' }, ['basic']],
  ] as const) {
    const refusal = misfit(of, slots);
    expect(refusal?.code).toBe('template_refused');
    expect(JSON.stringify(refusal)).not.toMatch(/username|password|"key"|token|constructor/);
  }
});
