import { fromBase64, toBase64 } from './base64.js';
import { concatBytes, fromHex, toHex, utf8 } from './bytes.js';
import { isWellFormed } from './canonical-json.js';
import { isNoteKeyName, type NoteKey, noteKeyId } from './note-key.js';
import { verifyStrict } from './strict-ed25519.js';

/** Longest note, in UTF-16 code units: room for sixteen signatures of the largest kind (C2SP signed-note). */
export const NOTE_LENGTH_MAX = 131_072;

/** A signature line of a note, not verified. */
export type NoteSignature = {
  name: string;
  /** Eight hex digits. */
  keyId: string;
  signature: Uint8Array;
};

/** A note taken apart; its text means nothing before a signature was verified. */
export type SignedNote = { text: string; signatures: NoteSignature[] };

/** A key that signs: `sign` answers with the 64 bytes of an Ed25519 signature. */
export type NoteSigner = NoteKey & { sign: (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array> };

/**
 * Why a note is not accepted:
 * `malformed` no signed note · `unknown_key` no signature by the key asked for · `signature` one by it that is wrong
 */
export type NoteFault = 'malformed' | 'unknown_key' | 'signature';

/** The outcome of {@link verifyNote}. */
export type VerifiedNote = { ok: true; text: string } | { ok: false; reason: NoteFault };

const KEY_ID_BYTES = 4;
const SIGNATURE_BYTES = 64;
const LINE = /^\u2014 ([^ ]+) ([^ ]+)$/u;
// ASCII control characters other than newline.
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

/**
 * Parses a signed note (https://c2sp.org/signed-note): text, blank line, signature lines.
 * @returns undefined when it is none
 */
export function parseNote(note: string): SignedNote | undefined {
  if (note.length > NOTE_LENGTH_MAX || CONTROL.test(note) || !isWellFormed(note)) return undefined;
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) return undefined;
  const signatures = note
    .slice(split + 2, -1)
    .split('\n')
    .map(parseLine);
  if (!signatures.every((signature) => signature !== undefined)) return undefined;
  return { text: note.slice(0, split + 1), signatures };
}

/**
 * Verifies that `key` signed the note, strictly (see `verifyStrict`). Lines by other keys, of the same name or the
 * same id too, are ignored; a line by this key that does not verify refuses the whole note.
 */
export function verifyNote(note: string, key: NoteKey): VerifiedNote {
  const parsed = parseNote(note);
  if (parsed === undefined) return { ok: false, reason: 'malformed' };
  const keyId = noteKeyId(key.name, key.publicKey);
  const own = parsed.signatures.filter((line) => line.name === key.name && line.keyId === keyId);
  if (own.length === 0) return { ok: false, reason: 'unknown_key' };
  const message = utf8(parsed.text);
  if (!own.every(({ signature }) => verifyStrict(key.publicKey, message, signature))) {
    return { ok: false, reason: 'signature' };
  }
  return { ok: true, text: parsed.text };
}

/**
 * Signs `text` as a note with one signature.
 * @param text ends in a newline, without control characters
 * @throws {RangeError} when text, name or signature could not stand in a note
 */
export async function signNote(text: string, { name, publicKey, sign }: NoteSigner): Promise<string> {
  if (!text.endsWith('\n') || CONTROL.test(text) || !isWellFormed(text)) throw new RangeError('this is no note text');
  if (!isNoteKeyName(name)) throw new RangeError('this name may not name a note key');
  const signature = await sign(utf8(text));
  if (signature.length !== SIGNATURE_BYTES) throw new RangeError('an Ed25519 signature has 64 bytes');
  const keyId = fromHex(noteKeyId(name, publicKey)) as Uint8Array;
  return `${text}\n\u2014 ${name} ${toBase64(concatBytes(keyId, signature))}\n`;
}

function parseLine(line: string): NoteSignature | undefined {
  const [, name, encoded] = LINE.exec(line) ?? [];
  if (name === undefined || encoded === undefined || !isNoteKeyName(name)) return undefined;
  const bytes = fromBase64(encoded);
  if (bytes === undefined || bytes.length <= KEY_ID_BYTES) return undefined;
  return { name, keyId: toHex(bytes.subarray(0, KEY_ID_BYTES)), signature: bytes.subarray(KEY_ID_BYTES) };
}
