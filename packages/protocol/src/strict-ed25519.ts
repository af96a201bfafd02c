import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { BoundedCache } from './bounded-cache.js';
import { concatBytes, equalBytes, toHex } from './bytes.js';

const { Point } = ed25519;
type CurvePoint = InstanceType<typeof Point>;

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** A verdict costs a scalar multiplication (about half a verification), and few keys sign much. */
const VERDICTS_MAX = 4_096;

/**
 * Why 32 bytes are no acceptable Ed25519 public key:
 * `length` not 32 bytes · `encoding` no canonical encoding of a point · `small_order` one constant signature would
 * verify every message · `torsion` outside the prime-order subgroup, so verifiers would disagree
 */
export type PublicKeyFault = 'length' | 'encoding' | 'small_order' | 'torsion';

/** A public key was refused. */
export class StrictPublicKeyError extends Error {
  override readonly name = 'StrictPublicKeyError';

  constructor(readonly code: PublicKeyFault) {
    super(`unacceptable Ed25519 public key: ${code}`);
  }
}

const verdicts = new BoundedCache<string, CurvePoint | PublicKeyFault>(VERDICTS_MAX);

/**
 * What is wrong with an Ed25519 public key, or undefined when it is acceptable: canonically encoded (RFC 8032 section
 * 5.1.3), not of small order, torsion-free. `crypto.verify`, WebCrypto and `jose` check none of the last two; after
 * this check their verdicts agree with {@link verifyStrict}. Verdicts are remembered, within a bound.
 */
export function publicKeyFault(publicKey: Uint8Array): PublicKeyFault | undefined {
  const verdict = judge(publicKey);
  return typeof verdict === 'string' ? verdict : undefined;
}

/**
 * Requires an acceptable Ed25519 public key; see {@link publicKeyFault}.
 * @throws {StrictPublicKeyError}
 */
export function assertStrictPublicKey(publicKey: Uint8Array): void {
  const fault = publicKeyFault(publicKey);
  if (fault !== undefined) throw new StrictPublicKeyError(fault);
}

/**
 * Verifies an Ed25519 signature (RFC 8032 section 5.1.7) in its strictest reading: acceptable key, S below the group
 * order, cofactorless equation, R compared as bytes and therefore canonical. Never throws: whatever is malformed,
 * of a wrong length too, is simply no valid signature.
 * @param publicKey 32 bytes
 * @param message any bytes
 * @param signature 64 bytes, R ‖ S
 */
export function verifyStrict(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  const key = judge(publicKey);
  if (typeof key === 'string') return false;
  const r = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  if (s >= Point.Fn.ORDER) return false;
  const challenge = Point.Fn.create(littleEndian(sha512(concatBytes(r, publicKey, message))));
  const expected = Point.BASE.multiplyUnsafe(s).add(key.negate().multiplyUnsafe(challenge));
  return equalBytes(expected.toBytes(), r);
}

function judge(publicKey: Uint8Array): CurvePoint | PublicKeyFault {
  if (publicKey.length !== KEY_BYTES) return 'length';
  const hex = toHex(publicKey);
  let verdict = verdicts.get(hex);
  if (verdict === undefined) {
    verdict = judgeAnew(publicKey);
    verdicts.set(hex, verdict);
  }
  return verdict;
}

function judgeAnew(publicKey: Uint8Array): CurvePoint | PublicKeyFault {
  let point: CurvePoint;
  try {
    point = Point.fromBytes(Uint8Array.from(publicKey), false);
  } catch {
    return 'encoding';
  }
  if (point.isSmallOrder()) return 'small_order';
  return point.isTorsionFree() ? point : 'torsion';
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);
}
