import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describeVectors, readVectors } from '../test/vectors.js';
import { concatBytes, fromHex, toHex, utf8 } from './bytes.js';
import { assertStrictPublicKey, publicKeyFault, StrictPublicKeyError, verifyStrict } from './strict-ed25519.js';

const { Point } = ed25519;
const L = Point.Fn.ORDER;

function littleEndian(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0'))!.reverse();
}

function toScalar(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`) % L;
}

/** What OpenSSL says, which checks no key at all. */
function opensslVerify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const der = concatBytes(fromHex('302a300506032b6570032100')!, publicKey);
  try {
    const key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
}

const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });
const message = utf8('pay 100 to bob');

test('accepts what OpenSSL signs, and no altered bit of it', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
  const signature = Uint8Array.from(sign(null, message, privateKey));
  expect(verifyStrict(key, message, signature)).toBe(true);
  fc.assert(
    fc.property(fc.nat(511), (bit) => {
      const altered = Uint8Array.from(signature);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifyStrict(key, message, altered)).toBe(false);
    }),
    { numRuns: 40 },
  );
  expect(verifyStrict(key, utf8('pay 999 to bob'), signature)).toBe(false);
});

test('agrees with OpenSSL on every signature by an acceptable key, well made or altered', () => {
  fc.assert(
    fc.property(seed, fc.uint8Array(), fc.nat(95), fc.nat(255), (secret, text, at, value) => {
      const key = Uint8Array.from(ed25519.getPublicKey(secret));
      const signature = Uint8Array.from(ed25519.sign(text, secret));
      if (at < 64) signature[at] = value;
      expect(verifyStrict(key, text, signature)).toBe(opensslVerify(key, text, signature));
    }),
    { numRuns: 30 },
  );
});

test('refuses the eight points of small order, under which one signature fits every message', () => {
  const identity = Point.ZERO.toBytes();
  const forged = concatBytes(identity, new Uint8Array(32));
  expect(opensslVerify(identity, message, forged)).toBe(true); // the reason for this file
  for (const hex of ED25519_TORSION_SUBGROUP) {
    expect(publicKeyFault(fromHex(hex)!)).toBe('small_order');
    expect(verifyStrict(fromHex(hex)!, message, forged)).toBe(false);
  }
});

test('refuses a key with a torsion part, whose signatures verifiers disagree on', () => {
  const secret = 12345678901234567890n;
  for (const hex of ED25519_TORSION_SUBGROUP.slice(1)) {
    const torsion = Point.fromHex(hex);
    const key = Point.BASE.multiply(secret).add(torsion).toBytes();
    expect(publicKeyFault(key)).toBe('torsion');
    const nonce = 987654321n;
    const r = Point.BASE.multiply(nonce).toBytes();
    const s = (nonce + toScalar(sha512(concatBytes(r, key, message))) * secret) % L;
    const signature = concatBytes(r, littleEndian(s));
    expect(ed25519.verify(signature, message, key)).toBe(true); // the cofactored equation does not see it
    expect(verifyStrict(key, message, signature)).toBe(false);
  }
});

test('refuses a torsion part in R, which the cofactored equation lets pass', () => {
  const secret = 424242n;
  const key = Point.BASE.multiply(secret).toBytes();
  const nonce = 31337n;
  const r = Point.BASE.multiply(nonce).add(Point.fromHex(ED25519_TORSION_SUBGROUP[1]!)).toBytes();
  const s = (nonce + toScalar(sha512(concatBytes(r, key, message))) * secret) % L;
  const signature = concatBytes(r, littleEndian(s));
  expect(publicKeyFault(key)).toBeUndefined();
  expect(ed25519.verify(signature, message, key)).toBe(true);
  expect(opensslVerify(key, message, signature)).toBe(false);
  expect(verifyStrict(key, message, signature)).toBe(false);
});

test('refuses S + L, the second spelling of a signature', () => {
  const secret = new Uint8Array(32).fill(7);
  const key = ed25519.getPublicKey(secret);
  const signature = ed25519.sign(message, secret);
  const s = BigInt(`0x${toHex(Uint8Array.from(signature.subarray(32)).reverse())}`);
  expect(verifyStrict(key, message, signature)).toBe(true);
  expect(verifyStrict(key, message, concatBytes(signature.subarray(0, 32), littleEndian(s + L)))).toBe(false);
});

test.each([
  ['31 bytes', new Uint8Array(31), 'length'],
  ['y = p', fromHex(`ed${'ff'.repeat(30)}7f`)!, 'encoding'],
  ['y = p + 1', fromHex(`ee${'ff'.repeat(30)}7f`)!, 'encoding'],
  ['x = 0 with its sign set', fromHex(`01${'00'.repeat(30)}80`)!, 'encoding'],
  ['a y without a point', fromHex(`02${'00'.repeat(31)}`)!, 'encoding'],
] as const)('refuses a public key of %s', (_, key, code) => {
  for (const round of ['judged', 'remembered']) {
    expect([round, publicKeyFault(key)]).toEqual([round, code]);
    expect(() => assertStrictPublicKey(key)).toThrow(StrictPublicKeyError);
    expect(verifyStrict(key, message, new Uint8Array(64))).toBe(false);
  }
});

test('a key changed in place after its verdict is judged again', () => {
  const key = Uint8Array.from(ed25519.getPublicKey(new Uint8Array(32).fill(9)));
  expect(publicKeyFault(key)).toBeUndefined();
  key.set(Point.ZERO.toBytes());
  expect(publicKeyFault(key)).toBe('small_order');
});

test('a signature of a wrong length is no signature', () => {
  const secret = new Uint8Array(32).fill(3);
  const signature = ed25519.sign(message, secret);
  for (const wrong of [signature.subarray(0, 63), concatBytes(signature, Uint8Array.of(0)), new Uint8Array()]) {
    expect(verifyStrict(ed25519.getPublicKey(secret), message, wrong)).toBe(false);
  }
});

type Wycheproof = {
  testGroups: {
    publicKey: { pk: string };
    tests: { tcId: number; comment: string; msg: string; sig: string; result: 'valid' | 'invalid' }[];
  }[];
};

describeVectors('wycheproof/ed25519_test.json', (file) => {
  const { testGroups } = readVectors(file) as Wycheproof;
  const cases = testGroups.flatMap(({ publicKey, tests }) => tests.map((one) => ({ ...one, pk: publicKey.pk })));
  test('there are 151 of them', () => expect(cases).toHaveLength(151));
  test.each(cases)('$tcId $comment: $result', ({ pk, msg, sig, result }) => {
    expect(verifyStrict(fromHex(pk)!, fromHex(msg)!, fromHex(sig)!)).toBe(result === 'valid');
  });
});
