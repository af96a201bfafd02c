import { fromBase64, toBase64 } from './base64.js';
import { concatBytes, toHex, utf8 } from './bytes.js';
import { sha256 } from './sha256.js';
import { publicKeyFault } from './strict-ed25519.js';

/** A key that signs notes: its name and its Ed25519 public key, 32 bytes. */
export type NoteKey = { name: string; publicKey: Uint8Array };

/** The signature type byte of plain Ed25519 (C2SP signed-note, "Signature types"). */
const ED25519_TYPE = 0x01;
const KEY_BYTES = 32;
/** Longest key name, in UTF-16 code units. */
export const NOTE_KEY_NAME_LENGTH_MAX = 256;
// White space of any kind, plus, and control characters (a name stands alone between two spaces of a line).
const FORBIDDEN_IN_NAME = /[\s+\u0000-\u001f\u007f-\u009f]/u;

/** Whether `name` may name a key: not empty, no Unicode space, no plus, no control character (C2SP signed-note). */
export function isNoteKeyName(name: string): boolean {
  return name.length > 0 && name.length <= NOTE_KEY_NAME_LENGTH_MAX && !FORBIDDEN_IN_NAME.test(name);
}

/**
 * The key id of an Ed25519 note key: the first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key), as eight hex
 * digits (C2SP signed-note, "Ed25519 signatures"). It tells keys apart, it proves nothing.
 */
export function noteKeyId(name: string, publicKey: Uint8Array): string {
  return toHex(sha256(concatBytes(utf8(name), Uint8Array.of(0x0a, ED25519_TYPE), publicKey)).subarray(0, 4));
}

/**
 * A verifier key as one line of text, `name+keyid+base64(0x01 ‖ public key)`: the encoding of Go's
 * `golang.org/x/mod/sumdb/note`, which C2SP tools read.
 * @throws {RangeError} when the name or the key may not be used
 */
export function formatVerifierKey({ name, publicKey }: NoteKey): string {
  if (!isNoteKeyName(name)) throw new RangeError('this name may not name a note key');
  if (publicKeyFault(publicKey) !== undefined) throw new RangeError('this public key may not verify notes');
  const encoded = toBase64(concatBytes(Uint8Array.of(ED25519_TYPE), publicKey));
  return `${name}+${noteKeyId(name, publicKey)}+${encoded}`;
}

/**
 * Reads what {@link formatVerifierKey} writes, and checks the name, the key id and the key itself.
 * @returns undefined for anything else, other signature types included
 */
export function parseVerifierKey(text: string): NoteKey | undefined {
  const [name, keyId, ...rest] = text.split('+');
  // Base64 has pluses of its own.
  const bytes = fromBase64(rest.join('+'));
  if (name === undefined || !isNoteKeyName(name)) return undefined;
  if (bytes === undefined || bytes.length !== 1 + KEY_BYTES || bytes[0] !== ED25519_TYPE) return undefined;
  const publicKey = bytes.subarray(1);
  if (keyId !== noteKeyId(name, publicKey) || publicKeyFault(publicKey) !== undefined) return undefined;
  return { name, publicKey };
}
