import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { isWellFormed } from '@chancery/protocol/canonical-json.js';
import { Secret } from './secret.js';

const FORMAT_V1 = 1;
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const LENGTH_BYTES = 4;
const OVERHEAD_BYTES = 1 + IV_BYTES + TAG_BYTES;

/** One error for every way of not opening: what was wrong is nobody's business. */
export class WrapError extends Error {
  override readonly name = 'WrapError';
  constructor() {
    super('The ciphertext does not open under this key for this purpose');
  }
}

/** Associated data whose fields cannot run into each other: each is preceded by its length (4 bytes, big endian). */
export function aad(fields: readonly [schema: string, ...rest: (string | Uint8Array)[]]): Buffer {
  const lengths = fields.map((field) => (typeof field === 'string' ? Buffer.byteLength(field) : field.length));
  const whole = Buffer.alloc(lengths.reduce((sum, length) => sum + LENGTH_BYTES + length, 0));
  let at = 0;
  fields.forEach((field, index) => {
    // A lone surrogate becomes U+FFFD in UTF-8, so two different strings would bind the same.
    if (typeof field === 'string' && !isWellFormed(field)) throw new Error('An AAD field is not well-formed text');
    at = whole.writeUInt32BE(lengths[index] as number, at);
    if (typeof field === 'string') whole.write(field, at);
    else whole.set(field, at);
    at += lengths[index] as number;
  });
  return whole;
}

/**
 * AES-256-GCM. Output: format byte 1 ‖ IV (12, random) ‖ ciphertext ‖ tag (16); the format byte is bound too.
 * Random IVs are safe for 2^32 messages a key (NIST SP 800-38D, 8.3); our busiest key wraps one message a credential version.
 */
export function wrap(
  key: Secret,
  plaintext: Secret,
  bound: Buffer,
  random: (n: number) => Buffer = randomBytes,
): Buffer {
  assertKey(key);
  const head = Buffer.concat([Buffer.of(FORMAT_V1), random(IV_BYTES)]);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, head.subarray(1), { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.concat([head.subarray(0, 1), bound]));
  return Buffer.concat([head, cipher.update(plaintext.bytes), cipher.final(), cipher.getAuthTag()]);
}

/** Opens what `wrap` made. Give `bytes` wherever the plaintext has one possible length. Throws `WrapError`. */
export function unwrap(key: Secret, wrapped: Uint8Array, bound: Buffer, bytes?: number): Secret {
  assertKey(key);
  const length = wrapped.length - OVERHEAD_BYTES;
  if (length < 0 || wrapped[0] !== FORMAT_V1 || (bytes !== undefined && length !== bytes)) throw new WrapError();
  const iv = wrapped.subarray(1, 1 + IV_BYTES);
  const body = wrapped.subarray(1 + IV_BYTES, 1 + IV_BYTES + length);
  const decipher = createDecipheriv('aes-256-gcm', key.bytes, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.concat([wrapped.subarray(0, 1), bound]));
  decipher.setAuthTag(wrapped.subarray(1 + IV_BYTES + length));
  // GCM is a stream cipher: update() gives all of it, final() only checks the tag.
  const plaintext = decipher.update(body);
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw new WrapError();
  }
  return new Secret(plaintext);
}

function assertKey(key: Secret): void {
  if (key.bytes.length !== KEY_BYTES) throw new Error(`A wrapping key has ${KEY_BYTES} bytes, not ${key.bytes.length}`);
}
