import { isHash, isInstant } from './audit-entry.js';
import { fromBase64, toBase64 } from './base64.js';
import { fromHex, toHex } from './bytes.js';
import { isId } from './ids.js';
import type { NoteKey } from './note-key.js';
import { type NoteFault, type NoteSigner, parseNote, signNote, verifyNote } from './signed-note.js';

/** A signed statement of how long a tenant's chain was at some time, and of its last hash. */
export type Checkpoint = {
  /** `ten_` and 32 hex digits. */
  tenant: string;
  /** Position of the last entry, from 1. */
  seq: number;
  /** Its hash, 64 hex digits. */
  hash: string;
  /** When it was signed: ISO 8601, UTC, milliseconds. */
  at: string;
};

/** The outcome of {@link verifyCheckpointNote}; `body` is a good signature over something else than a checkpoint. */
export type VerifiedCheckpoint = { ok: true; checkpoint: Checkpoint } | { ok: false; reason: NoteFault | 'body' };

const ORIGIN_PREFIX = 'chancery/audit/';
const BODY = /^([^\n]+)\n([1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n([^\n]+)\n$/;

/** The first line of a tenant's checkpoints, and the name their key should have (C2SP tlog-checkpoint). */
export function checkpointOrigin(tenant: string): string {
  return ORIGIN_PREFIX + tenant;
}

/**
 * The text of a checkpoint, in the form of a C2SP tlog-checkpoint: origin, `seq` in decimal, hash in base64, and one
 * extension line with the time. Each line ends in a newline. (The hash is a chain's head, not a tree's root.)
 * @throws {RangeError} when a member is malformed
 */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const { tenant, seq, hash, at } = checkpoint;
  const text = `${checkpointOrigin(tenant)}\n${seq}\n${toBase64(fromHex(hash) ?? new Uint8Array())}\n${at}\n`;
  if (parseCheckpoint(text) === undefined) throw new RangeError('this is no checkpoint');
  return text;
}

/** Reads what {@link formatCheckpoint} writes, and only its one spelling; undefined for anything else. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [, origin, decimal, encoded, at] = BODY.exec(text) ?? [];
  if (origin === undefined || decimal === undefined || encoded === undefined || at === undefined) return undefined;
  const tenant = origin.slice(ORIGIN_PREFIX.length);
  const seq = Number(decimal);
  const bytes = fromBase64(encoded);
  if (origin !== checkpointOrigin(tenant) || !isId('ten', tenant)) return undefined;
  if (!Number.isSafeInteger(seq) || bytes === undefined || !isInstant(at)) return undefined;
  const hash = toHex(bytes);
  return isHash(hash) ? { tenant, seq, hash, at } : undefined;
}

/** Signs a checkpoint as a note. @throws {RangeError} when it, the key's name or the signature is malformed */
export async function signCheckpoint(checkpoint: Checkpoint, signer: NoteSigner): Promise<string> {
  return signNote(formatCheckpoint(checkpoint), signer);
}

/** The checkpoint a note holds, its signature unverified: to say what a bad one claims. Undefined when it holds none. */
export function readCheckpointNote(note: string): Checkpoint | undefined {
  const parsed = parseNote(note);
  return parsed === undefined ? undefined : parseCheckpoint(parsed.text);
}

/** Verifies that `key` signed the note, and reads its checkpoint. */
export function verifyCheckpointNote(note: string, key: NoteKey): VerifiedCheckpoint {
  const verified = verifyNote(note, key);
  if (!verified.ok) return verified;
  const checkpoint = parseCheckpoint(verified.text);
  return checkpoint === undefined ? { ok: false, reason: 'body' } : { ok: true, checkpoint };
}
