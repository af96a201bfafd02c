import { canonicalize } from '@chancery/protocol/canonical-json.js';
import { type BindingInput, readBinding } from './read-binding.js';

const read = (input: Partial<BindingInput>) => readBinding({ allowedDomains: ['a.example'], ...input }, true);
const issuesOf = (input: Partial<BindingInput>): unknown => {
  try {
    return read(input);
  } catch (error) {
    return (error as { spec: { code: string; extra: unknown } }).spec;
  }
};

test('P6: what is not set is absent from what is hashed, as it was before it existed', () => {
  const nothing = { methods: undefined, pathPrefixes: null, privateRanges: undefined, placements: null };
  for (const input of [{}, nothing])
    expect(canonicalize(read(input))).toBe('{"allowed_domains":["a.example"],"cleartext":false,"ports":[443]}');
});

test('lists are kept in one spelling and one order, each entry once', () => {
  expect(
    read({
      methods: ['post', 'GET', 'POST'],
      pathPrefixes: ['/v2/', '/v1', '/%76%31'],
      privateRanges: ['10.1.2.3/16', '10.1.0.0/16'],
      placements: ['query', 'header', 'query'],
    }),
  ).toEqual({
    allowed_domains: ['a.example'],
    ports: [443],
    cleartext: false,
    methods: ['GET', 'POST'],
    path_prefixes: ['/v1', '/v2'],
    private_ranges: ['10.1.0.0/16'],
    placements: ['header', 'query'],
  });
});

test('everything that cannot be stored is named at once', () => {
  const input = { methods: ['GET', 'TRACE', 'GE T'], pathPrefixes: ['v1'], privateRanges: ['8.8.8.0/24'] };
  expect(issuesOf(input)).toMatchObject({
    code: 'binding_refused',
    extra: {
      issues: ['methods.1', 'methods.2', 'path_prefixes.0', 'private_ranges.0'].map((path) => ({ path })),
    },
  });
  expect(issuesOf({ allowedDomains: ['*'] })).toMatchObject({ code: 'domain_pattern_refused' });
});
