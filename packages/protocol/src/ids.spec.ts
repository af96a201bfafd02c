import fc from 'fast-check';
import { formatId, ID_PREFIXES, isId, PLATFORM_TENANT_ID, parseId } from './ids.js';

const prefix = fc.constantFrom(...Object.values(ID_PREFIXES));

test('an id goes there and back, and only as its own kind', () => {
  fc.assert(
    fc.property(prefix, prefix, fc.uuid(), (kind, other, uuid) => {
      const id = formatId(kind, uuid);
      expect(id).toMatch(new RegExp(`^${kind}_[0-9a-f]{32}$`));
      expect(parseId(kind, id)).toBe(uuid);
      expect(parseId(other, id)).toBe(other === kind ? uuid : undefined);
    }),
  );
});

test('the prefixes are those of the wire, and no two are the same', () => {
  const prefixes = Object.values(ID_PREFIXES);
  expect(prefixes.join(' ')).toBe('ten mem key ses agt crd grt brk apr req anm whk evt dlv');
  expect(new Set(prefixes).size).toBe(prefixes.length);
});

test.each([
  '',
  'agt_',
  'agt_0190a0a0a0a0700080000000000000a',
  'agt_0190a0a0a0a07000800000000000000a0',
  'agt_0190A0A0A0A07000800000000000000A',
  'agt_0190a0a0-a0a0-7000-8000-00000000000a',
  'AGT_0190a0a0a0a07000800000000000000a',
  'agt0190a0a0a0a07000800000000000000a',
  ' agt_0190a0a0a0a07000800000000000000a',
  'agt_0190a0a0a0a07000800000000000000a\n',
])('%j is no agent', (text) => {
  expect(parseId('agt', text)).toBeUndefined();
  expect(isId('agt', text)).toBe(false);
});

test.each(['', '0190a0a0a0a07000800000000000000a', '0190A0A0-A0A0-7000-8000-00000000000A'])(
  'formatId refuses %j',
  (uuid) => {
    expect(() => formatId('agt', uuid)).toThrow(RangeError);
  },
);

test('the platform is the tenant of zeros', () => {
  expect(parseId('ten', PLATFORM_TENANT_ID)).toBe('00000000-0000-0000-0000-000000000000');
});
