import { CanonicalJsonError, canonicalize, isWellFormed } from './canonical-json.js';
import { isId } from './ids.js';
import { sha256Hex } from './sha256.js';
import type { JsonObject } from './json-value.js';

/** One entry of a tenant's audit chain, version 1. Its hash is no member: it is computed, see {@link entryHash}. */
export type AuditEntry = {
  v: 1;
  /** `ten_` and 32 hex digits. */
  tenant: string;
  /** Position in the chain, from 1, without gaps. */
  seq: number;
  /** ISO 8601, UTC, milliseconds: `2026-11-22T07:30:00.000Z`. */
  at: string;
  /** Who acted: an id, or a word for the server itself. */
  actor: string;
  /** What was done. */
  action: string;
  /** How it ended. */
  outcome: string;
  details: JsonObject;
  /** 128 random bits in hexadecimal: a published hash tells nobody the content. */
  salt: string;
  /** Hash of the entry before, {@link genesisPrev} for the first. */
  prev: string;
};

/** Longest `actor`, `action` or `outcome`, in UTF-16 code units. */
export const ENTRY_WORD_LENGTH_MAX = 200;
/** Longest canonical form of an entry, in UTF-16 code units. */
export const ENTRY_LENGTH_MAX = 65_536;

/**
 * Why a value is no audit entry: the offending member, `members` when one is missing or unknown, `type` when it is
 * no object, `size` when its canonical form is too long.
 */
export type EntryFault = keyof AuditEntry | 'members' | 'type' | 'size';

/** The outcome of {@link validateEntry}; `canonical` is the entry's RFC 8785 form. */
export type ValidatedEntry = { ok: true; entry: AuditEntry; canonical: string } | { ok: false; reason: EntryFault };

const MEMBERS = ['v', 'tenant', 'seq', 'at', 'actor', 'action', 'outcome', 'details', 'salt', 'prev'];
const GENESIS_LABEL = 'chancery/audit/v1';
const HASH = /^[0-9a-f]{64}$/;
const SALT = /^[0-9a-f]{32}$/;

/** The `prev` of the first entry: hexadecimal SHA-256 of `chancery/audit/v1` and the tenant's id, without separator. */
export function genesisPrev(tenant: string): string {
  return sha256Hex(GENESIS_LABEL + tenant);
}

/**
 * The RFC 8785 form of an entry, which its hash covers.
 * @throws {CanonicalJsonError} when `details` or a word hold what strict JSON cannot
 * @throws {RangeError} when the form is longer than {@link ENTRY_LENGTH_MAX}: nothing may be written that no verifier
 * would read
 */
export function canonicalEntry(entry: AuditEntry): string {
  if (!Number.isSafeInteger(entry.seq)) throw new CanonicalJsonError('number');
  // The members in the order of RFC 8785, written out because this runs for every use of a credential.
  const text =
    `{"action":${canonicalize(entry.action)},"actor":${canonicalize(entry.actor)},"at":${canonicalize(entry.at)},` +
    `"details":${canonicalize(entry.details)},"outcome":${canonicalize(entry.outcome)},` +
    `"prev":${canonicalize(entry.prev)},"salt":${canonicalize(entry.salt)},"seq":${entry.seq},` +
    `"tenant":${canonicalize(entry.tenant)},"v":${entry.v}}`;
  if (text.length > ENTRY_LENGTH_MAX) throw new RangeError('the audit entry is too long');
  return text;
}

/**
 * The hash of an entry: SHA-256 over its RFC 8785 form, 64 characters of lower-case hexadecimal.
 * @param digest another SHA-256 of a text's UTF-8 in hexadecimal: a server has a faster one
 * @throws as {@link canonicalEntry}
 */
export function entryHash(entry: AuditEntry, digest: (text: string) => string = sha256Hex): string {
  return digest(canonicalEntry(entry));
}

/** Checks every member of an entry, alone: what it links to is for the chain's verifier. Never throws. */
export function validateEntry(value: unknown): ValidatedEntry {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { ok: false, reason: 'type' };
  const keys = Object.keys(value);
  if (keys.length !== MEMBERS.length || !MEMBERS.every((name) => Object.hasOwn(value, name))) {
    return { ok: false, reason: 'members' };
  }
  const entry = value as AuditEntry;
  const reason = memberFault(entry);
  if (reason !== undefined) return { ok: false, reason };
  try {
    return { ok: true, entry, canonical: canonicalEntry(entry) };
  } catch (error) {
    return { ok: false, reason: error instanceof CanonicalJsonError ? 'details' : 'size' };
  }
}

function memberFault(entry: AuditEntry): EntryFault | undefined {
  if (entry.v !== 1) return 'v';
  if (typeof entry.tenant !== 'string' || !isId('ten', entry.tenant)) return 'tenant';
  if (!Number.isSafeInteger(entry.seq) || entry.seq < 1) return 'seq';
  if (!isInstant(entry.at)) return 'at';
  for (const name of ['actor', 'action', 'outcome'] as const) if (!isWord(entry[name])) return name;
  if (typeof entry.details !== 'object' || entry.details === null || Array.isArray(entry.details)) return 'details';
  if (typeof entry.salt !== 'string' || !SALT.test(entry.salt)) return 'salt';
  if (!isHash(entry.prev)) return 'prev';
  return undefined;
}

/** Whether `value` is a SHA-256 in lower-case hexadecimal. */
export function isHash(value: unknown): value is string {
  return typeof value === 'string' && HASH.test(value);
}

function isWord(value: unknown): boolean {
  if (typeof value !== 'string' || value.length === 0 || value.length > ENTRY_WORD_LENGTH_MAX) return false;
  return isWellFormed(value);
}

/** Whether `value` is a time as entries write it: ISO 8601, UTC, milliseconds, and a day that exists. */
export function isInstant(value: unknown): value is string {
  if (typeof value !== 'string' || value.length !== 24) return false;
  const time = new Date(value);
  return !Number.isNaN(time.getTime()) && time.toISOString() === value;
}
