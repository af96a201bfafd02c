import { createHash } from 'node:crypto';
import rfc8785 from 'canonicalize';
import fc from 'fast-check';
import { type AuditEntry, canonicalEntry, entryHash, genesisPrev, validateEntry } from './audit-entry.js';
import { sha256Hex } from './sha256.js';
import { anyCodePoint } from '../test/any-code-point.js';

const TENANT = 'ten_0190a0a0a0a07000800000000000000a';

const entry: AuditEntry = {
  v: 1,
  tenant: TENANT,
  seq: 7,
  at: '2026-11-22T07:30:00.000Z',
  actor: 'agt_0190a0a0a0a07000800000000000000b',
  action: 'credential.use',
  outcome: 'allowed',
  details: { credential: 'openai', version: 3 },
  salt: '0f'.repeat(16),
  prev: 'ab'.repeat(32),
};

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
const word = fc.string({ unit: anyCodePoint(fc), minLength: 1, maxLength: 40 });
const details = fc.dictionary(
  fc.string({ unit: anyCodePoint(fc) }),
  fc.oneof(fc.string({ unit: anyCodePoint(fc) }), fc.maxSafeInteger(), fc.constant(null), fc.array(fc.boolean())),
);
const anyEntry: fc.Arbitrary<AuditEntry> = fc.record({
  v: fc.constant(1 as const),
  tenant: hex(32).map((id) => `ten_${id}`),
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  salt: hex(32),
  prev: hex(64),
  details,
  at: fc.date({ min: new Date(0), max: new Date('9999-01-01'), noInvalidDate: true }).map((date) => date.toISOString()),
  actor: word,
  action: word,
  outcome: word,
});

test('the hash is SHA-256 over RFC 8785, for any entry', () => {
  fc.assert(
    fc.property(anyEntry, (any) => {
      const generic = rfc8785(any)!;
      expect(canonicalEntry(any)).toBe(generic);
      expect(entryHash(any)).toBe(createHash('sha256').update(generic).digest('hex'));
      expect(validateEntry(JSON.parse(generic))).toEqual({ ok: true, entry: any, canonical: generic });
    }),
    { numRuns: 300 },
  );
});

test('the hash of one entry stays what it is: it is a wire format', () => {
  expect(entryHash(entry)).toBe(sha256Hex(canonicalEntry(entry)));
  expect(canonicalEntry(entry)).toBe(
    `{"action":"credential.use","actor":"agt_0190a0a0a0a07000800000000000000b","at":"2026-11-22T07:30:00.000Z","details":{"credential":"openai","version":3},"outcome":"allowed","prev":"${'ab'.repeat(32)}","salt":"${'0f'.repeat(16)}","seq":7,"tenant":"${TENANT}","v":1}`,
  );
  expect(entryHash(entry, () => 'theirs')).toBe('theirs');
});

test('the first entry follows the hash of its tenant', () => {
  expect(genesisPrev(TENANT)).toBe(createHash('sha256').update(`chancery/audit/v1${TENANT}`).digest('hex'));
  expect(genesisPrev(TENANT)).not.toBe(genesisPrev('ten_00000000000000000000000000000000'));
});

test.each([
  ['no object', null, 'type'],
  ['an array', [entry], 'type'],
  ['a missing member', { ...entry, salt: undefined, more: 1 }, 'members'],
  ['one member more', { ...entry, hash: 'ab' }, 'members'],
  ['version 2', { ...entry, v: 2 }, 'v'],
  ['a tenant in capitals', { ...entry, tenant: TENANT.toUpperCase() }, 'tenant'],
  ['a bare UUID as tenant', { ...entry, tenant: '0190a0a0-a0a0-7000-8000-00000000000a' }, 'tenant'],
  ['seq 0', { ...entry, seq: 0 }, 'seq'],
  ['seq as text', { ...entry, seq: '7' }, 'seq'],
  ['seq 2^53', { ...entry, seq: 2 ** 53 }, 'seq'],
  ['a time without milliseconds', { ...entry, at: '2026-11-22T07:30:00Z' }, 'at'],
  ['a time with an offset', { ...entry, at: '2026-11-22T07:30:00.00+1' }, 'at'],
  ['the 30th of February', { ...entry, at: '2026-02-30T07:30:00.000Z' }, 'at'],
  ['no actor', { ...entry, actor: '' }, 'actor'],
  ['an endless action', { ...entry, action: 'a'.repeat(201) }, 'action'],
  ['an outcome that is no text', { ...entry, outcome: true }, 'outcome'],
  ['an outcome with half a surrogate', { ...entry, outcome: '\ud800' }, 'outcome'],
  ['details that are an array', { ...entry, details: [] }, 'details'],
  ['details with a fraction', { ...entry, details: { amount: 0.5 } }, 'details'],
  ['details with half a surrogate', { ...entry, details: { a: '\udfff' } }, 'details'],
  ['a short salt', { ...entry, salt: '0f' }, 'salt'],
  ['a prev in capitals', { ...entry, prev: 'AB'.repeat(32) }, 'prev'],
  ['details without end', { ...entry, details: { a: 'a'.repeat(65_536) } }, 'size'],
])('refuses %s', (_, value, reason) => {
  expect(validateEntry(value)).toEqual({ ok: false, reason });
});

test('what no verifier would read is not hashed either', () => {
  expect(() => entryHash({ ...entry, details: { a: 'a'.repeat(65_536) } })).toThrow(RangeError);
  expect(() => entryHash({ ...entry, seq: 1.5 })).toThrow('number');
  expect(() => entryHash({ ...entry, details: { a: undefined as never } })).toThrow('type');
});
