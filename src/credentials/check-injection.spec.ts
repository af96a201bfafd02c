import type { Binding } from './binding.js';
import { checkInjection } from './check-injection.js';
import type { FieldShape } from './credential-fields.js';
import type { Injection } from './injection.js';

const BINDING: Binding = { allowed_domains: ['a.example'], ports: [443], cleartext: false };
const ACCOUNT: FieldShape = { username: 'public', password: 'secret' };

const refusal = (injection: Injection | null, shape: FieldShape | null, binding = BINDING): string | null => {
  try {
    checkInjection(injection, shape, binding);
    return null;
  } catch (error) {
    return (error as { spec: { code: string } }).spec.code;
  }
};

test.each<[Injection | null, FieldShape | null]>([
  [null, null],
  [null, ACCOUNT],
  [{ kind: 'scheme', scheme: 'Bearer' }, null],
  [{ kind: 'header', name: 'X-Api-Key' }, null],
  [{ kind: 'query', name: 'key' }, null],
  [{ kind: 'scheme', scheme: 'Bearer', field: 'password' }, ACCOUNT],
  [{ kind: 'basic' }, ACCOUNT],
  [{ kind: 'basic' }, { username: 'secret' }],
])('%j works for a credential of %j', (injection, shape) => expect(refusal(injection, shape)).toBeNull());

test.each<[Injection, FieldShape | null]>([
  [{ kind: 'basic' }, null],
  [{ kind: 'basic' }, { password: 'secret' }],
  [{ kind: 'scheme', scheme: 'Bearer' }, ACCOUNT],
  [{ kind: 'scheme', scheme: 'Bearer', field: 'token' }, ACCOUNT],
  [{ kind: 'query', name: 'key', field: 'password' }, null],
  [{ kind: 'header', name: 'Host' }, null],
  [{ kind: 'header', name: 'Proxy-Authorization' }, null],
  [{ kind: 'header', name: 'Content-Type' }, null],
])('%j is refused for a credential of %j', (injection, shape) =>
  expect(refusal(injection, shape)).toBe('injection_refused'),
);

test('it must stand where the binding lets it', () => {
  const inHeaders: Binding = { ...BINDING, placements: ['header'] };
  expect(refusal({ kind: 'header', name: 'x-key' }, null, inHeaders)).toBeNull();
  expect(refusal({ kind: 'query', name: 'key' }, null, inHeaders)).toBe('injection_refused');
});
