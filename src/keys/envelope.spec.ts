import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Secret } from '../platform/crypto/secret.js';
import { openCredential, type Place, rewrapDek, sealCredential } from './envelope.js';
import { EnvelopeError } from './keys.errors.js';
import type { Kek } from './tenant-keys.js';
import { anyCodePoint } from '../../packages/protocol/test/any-code-point.js';

const uuids = fc.uuid();
const bindings = fc.record({
  allowed_domains: fc.array(fc.constantFrom('api.a.test', 'api.b.test', '*.c.test'), { maxLength: 3 }),
  ports: fc.array(fc.integer({ min: 1, max: 65535 }), { maxLength: 3 }),
  cleartext: fc.boolean(),
});
const versions = fc.integer({ min: 1, max: 1_000_000 });
const places = fc.record({ tenantId: uuids, credentialId: uuids, version: versions, binding: bindings });
const kekFor = (tenantId: string, version = 1): Kek => ({ tenantId, version, key: new Secret(randomBytes(32)) });
const stored = (place: Place, kek: Kek, text = 'sk-live-0123456789abcdef') => ({
  ...place,
  kek,
  ...sealCredential({ ...place, kek, plaintext: Secret.fromUtf8(text) }),
});
const opening = (o: Parameters<typeof openCredential>[0]) => () => openCredential(o);

test('what was sealed opens where it stands, whatever the order of the binding’s members', () => {
  fc.assert(
    fc.property(places, fc.string({ minLength: 1, unit: anyCodePoint(fc) }), versions, (place, text, kekVersion) => {
      const row = stored(place, kekFor(place.tenantId, kekVersion), text);
      expect(row.kekVersion).toBe(kekVersion);
      expect(row.wrappedDek).toHaveLength(61);
      const binding = Object.fromEntries(Object.entries(place.binding).reverse());
      expect(openCredential({ ...row, binding }).bytes.toString('utf8')).toBe(Buffer.from(text).toString('utf8'));
    }),
  );
});

test('P6: a ciphertext moved in any single field does not open', () => {
  fc.assert(
    fc.property(places, places, versions, (place, other, kekVersion) => {
      fc.pre(place.tenantId !== other.tenantId && place.credentialId !== other.credentialId);
      fc.pre(place.version !== other.version && kekVersion !== 1);
      fc.pre(JSON.stringify(place.binding) !== JSON.stringify(other.binding));
      const kek = kekFor(place.tenantId);
      const row = stored(place, kek);
      expect(opening({ ...row, tenantId: other.tenantId })).toThrow(EnvelopeError);
      expect(opening({ ...row, tenantId: other.tenantId, kek: { ...kek, tenantId: other.tenantId } })).toThrow(
        EnvelopeError,
      );
      expect(opening({ ...row, credentialId: other.credentialId })).toThrow(EnvelopeError);
      expect(opening({ ...row, version: other.version })).toThrow(EnvelopeError);
      expect(opening({ ...row, binding: other.binding })).toThrow(EnvelopeError);
      expect(opening({ ...row, kek: { ...kek, version: kekVersion } })).toThrow(EnvelopeError);
      expect(opening({ ...row, kek: kekFor(place.tenantId) })).toThrow(EnvelopeError);
      expect(openCredential(row).bytes.toString()).toBe('sk-live-0123456789abcdef');
    }),
  );
});

test('P6: every change to the binding counts, however small', () => {
  const place = {
    tenantId: '0198a000-0000-7000-8000-00000000000a',
    credentialId: '0198a000-0000-7000-8000-00000000000b',
    version: 1,
    binding: { allowed_domains: ['api.a.test', 'api.b.test'], ports: [443], cleartext: false },
  };
  const row = stored(place, kekFor(place.tenantId));
  const { binding } = place;
  expect(opening({ ...row, binding: { ...binding, cleartext: true } })).toThrow(EnvelopeError);
  expect(opening({ ...row, binding: { ...binding, ports: [443, 8443] } })).toThrow(EnvelopeError);
  expect(opening({ ...row, binding: { ...binding, ports: ['443'] } })).toThrow(EnvelopeError);
  expect(opening({ ...row, binding: { ...binding, allowed_domains: ['api.a.test'] } })).toThrow(EnvelopeError);
  expect(opening({ ...row, binding: { ...binding, allowed_domains: ['api.b.test', 'api.a.test'] } })).toThrow(
    EnvelopeError,
  );
  expect(opening({ ...row, binding: { ...binding, allowed_domains: [] } })).toThrow(EnvelopeError);
  expect(opening({ ...row, binding: { ...binding, paths: [] } })).toThrow(EnvelopeError);
  expect(opening({ ...row, binding: {} })).toThrow(EnvelopeError);
});

test('P6: halves of two rows under one KEK do not open together', () => {
  fc.assert(
    fc.property(places, uuids, (place, credentialId) => {
      fc.pre(place.credentialId !== credentialId);
      const kek = kekFor(place.tenantId);
      const left = stored(place, kek);
      for (const right of [stored(place, kek), stored({ ...place, credentialId }, kek)]) {
        expect(opening({ ...left, wrappedDek: right.wrappedDek })).toThrow(EnvelopeError);
        expect(opening({ ...left, ciphertext: right.ciphertext })).toThrow(EnvelopeError);
      }
      expect(opening({ ...left, wrappedDek: left.ciphertext, ciphertext: left.wrappedDek })).toThrow(EnvelopeError);
    }),
  );
});

test('P6: a flipped bit, a cut or a longer field does not open', () => {
  fc.assert(
    fc.property(places, fc.constantFrom('wrappedDek', 'ciphertext'), fc.nat(), fc.nat(), (place, field, bit, cut) => {
      const row = stored(place, kekFor(place.tenantId));
      const bytes = row[field as 'wrappedDek'];
      const bent = Buffer.from(bytes);
      bent[(bit >> 3) % bytes.length]! ^= 1 << (bit & 7);
      expect(opening({ ...row, [field]: bent })).toThrow(EnvelopeError);
      expect(opening({ ...row, [field]: bytes.subarray(0, cut % bytes.length) })).toThrow(EnvelopeError);
      expect(opening({ ...row, [field]: Buffer.concat([bytes, Buffer.of(0)]) })).toThrow(EnvelopeError);
    }),
  );
});

test('a re-wrapped DEK opens under the new KEK only, and the ciphertext is the same bytes', () => {
  fc.assert(
    fc.property(places, uuids, (place, otherTenant) => {
      fc.pre(place.tenantId !== otherTenant);
      const [from, to] = [kekFor(place.tenantId, 1), kekFor(place.tenantId, 2)];
      const row = stored(place, from);
      const moved = { ...row, ...rewrapDek({ place, from, to, wrappedDek: row.wrappedDek }), kek: to };
      expect(moved.kekVersion).toBe(2);
      expect(openCredential(moved).bytes.toString()).toBe('sk-live-0123456789abcdef');
      expect(opening({ ...moved, kek: from })).toThrow(EnvelopeError);
      const elsewhere = {
        from: { ...from, tenantId: otherTenant },
        to: kekFor(otherTenant),
        wrappedDek: row.wrappedDek,
      };
      expect(() => rewrapDek({ place: { ...place, tenantId: otherTenant }, ...elsewhere })).toThrow(EnvelopeError);
      for (const change of [{ credentialId: otherTenant }, { version: place.version + 1 }]) {
        const o = { place: { ...place, ...change }, from, to, wrappedDek: row.wrappedDek };
        expect(() => rewrapDek(o)).toThrow(EnvelopeError);
      }
      expect(() => rewrapDek({ place, from: to, to: from, wrappedDek: row.wrappedDek })).toThrow(EnvelopeError);
      expect(() => rewrapDek({ place, from, to: kekFor(otherTenant), wrappedDek: row.wrappedDek })).toThrow(
        EnvelopeError,
      );
    }),
  );
});

test('the DEK is wiped when the work is done', () => {
  const place = { tenantId: '0198a000-0000-7000-8000-00000000000a', credentialId: 'x', version: 1, binding: {} };
  const kek = kekFor(place.tenantId);
  const made: Buffer[] = [];
  const random = (bytes: number) => {
    made.push(randomBytes(bytes));
    return made.at(-1)!;
  };
  sealCredential({ ...place, kek, plaintext: Secret.fromUtf8('value'), random });
  const dek = made.find((bytes) => bytes.length === 32)!;
  expect(dek.every((byte) => byte === 0)).toBe(true);
});

test('P7: a KEK that a seal wiped in the caller’s hands seals and opens nothing, and says why', () => {
  const place = { tenantId: '0198a000-0000-7000-8000-00000000000a', credentialId: 'x', version: 1, binding: {} };
  const kek = kekFor(place.tenantId);
  const row = stored(place, kek);
  kek.key.zero();
  expect(opening(row)).toThrow('vault_sealed');
  expect(() => sealCredential({ ...place, kek, plaintext: Secret.fromUtf8('value') })).toThrow('vault_sealed');
});
