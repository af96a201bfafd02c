import { hash as digest, randomBytes } from 'node:crypto';
import { entryHash, genesisPrev, type AuditEntry } from '@chancery/protocol/audit-entry.js';
import { publicId } from '../platform/ids.js';
import { isoTimes } from '../platform/iso-time.js';
import type { EntryDraft, EntryRef } from '../tenancy/acts.js';

export interface FinishedEntry extends EntryRef {
  readonly entry: AuditEntry;
}

const iso = isoTimes();

export const SALT_BYTES = 16;
const SALTS_AT_ONCE = 256;
/** An escaped NUL, and not the text of one behind an escaped backslash. */
const NUL = /(?<!\\)(?:\\\\)*\\u0000/;

/** The position before the first entry. */
export function genesis(tenantId: string): EntryRef {
  return { seq: 0, hash: genesisPrev(publicId('ten', tenantId)) };
}

/** Appends a draft behind `last`: the body is complete, decision included, before it is hashed. */
export function finish(
  tenantId: string,
  last: EntryRef,
  draft: EntryDraft,
  atMs: number,
  salt: Buffer = freshSalt(),
): FinishedEntry {
  const entry: AuditEntry = {
    v: 1,
    tenant: publicId('ten', tenantId),
    seq: last.seq + 1,
    at: iso(atMs),
    actor: draft.actor,
    action: draft.action,
    outcome: draft.outcome,
    details: draft.details as AuditEntry['details'],
    salt: salt.toString('hex'),
    prev: last.hash,
  };
  return { entry, seq: entry.seq, hash: entryHash(entry, digestOfStorable) };
}

let drawn = Buffer.alloc(0);

/** Random bytes are drawn for many salts at once: each draw is a call into OpenSSL. */
function freshSalt(): Buffer {
  if (drawn.length === 0) drawn = randomBytes(SALT_BYTES * SALTS_AT_ONCE);
  const salt = drawn.subarray(0, SALT_BYTES);
  drawn = drawn.subarray(SALT_BYTES);
  return salt;
}

/** SHA-256 of a text's UTF-8, as OpenSSL does it. */
export const digestOfText = (text: string): string => digest('sha256', text);

/** PostgreSQL stores every character but one; an entry with it must fail here, and not the whole batch there. */
function digestOfStorable(canonical: string): string {
  if (canonical.includes('\\u0000') && NUL.test(canonical))
    throw new RangeError('an audit entry holds a NUL character');
  return digestOfText(canonical);
}
