import { isScope, parseScopes, SCOPE_TABLE, SCOPES, scopeRow } from './scopes.js';

test('P11: fourteen scopes, fourteen operations, no wildcard', () => {
  expect(SCOPES).toHaveLength(14);
  expect(new Set(SCOPES).size).toBe(14);
  expect(new Set(SCOPE_TABLE.map(({ method, path }) => `${method} ${path}`)).size).toBe(14);
  for (const scope of SCOPES) expect(scope).toMatch(/^(read|write|use):[a-z]+(\.[a-z]+)?$/);
});

test('each scope leaves the receipt of the protocol', () => {
  expect(SCOPE_TABLE.map(({ receipt }) => receipt).join(' ')).toBe(
    'find quote hire deliver accept authorize pay void refund settle dispute dispute none credential',
  );
  expect(scopeRow('use:credential')).toEqual({
    scope: 'use:credential',
    method: 'POST',
    path: '/v1/credentials/{name}/execute',
    receipt: 'credential',
  });
});

test('a scope parameter is read whole or not at all', () => {
  expect(parseScopes('use:credential')).toEqual(['use:credential']);
  expect(parseScopes('write:payment.void read:market.find')).toEqual(['write:payment.void', 'read:market.find']);
  const refused = [
    '',
    ' ',
    'use:*',
    'USE:credential',
    'use:credential ',
    'use:credential  read:market.find',
    'use:credential use:credential',
  ];
  for (const text of refused) expect(parseScopes(text)).toBeUndefined();
  expect(['use', 'use:credentials', 'toString'].some(isScope)).toBe(false);
});
