import { sha256 as digest } from '@noble/hashes/sha2.js';
import { toHex, utf8 } from './bytes.js';

/** SHA-256 (FIPS 180-4) of bytes, or of the UTF-8 of a text: 32 bytes. */
export function sha256(data: Uint8Array | string): Uint8Array {
  return digest(typeof data === 'string' ? utf8(data) : data);
}

/** SHA-256 as 64 characters of lower-case hexadecimal. */
export function sha256Hex(data: Uint8Array | string): string {
  return toHex(sha256(data));
}
