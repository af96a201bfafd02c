import { type AuditEntry, canonicalEntry } from './audit-entry.js';
import type { ChainHead } from './audit-verify.js';
import { isJsonObject, type JsonObject } from './json-value.js';
import { parseStrict } from './strict-json.js';

/** The name of the export format, in its first line. */
export const EXPORT_FORMAT = 'chancery-audit-export';
/** The media type of an export: one JSON document a line. */
export const EXPORT_MEDIA_TYPE = 'application/x-ndjson';
/** Longest line, in bytes: an entry of the greatest length in UTF-8, and what stands around it. */
export const EXPORT_LINE_BYTES_MAX = 262_144;

/**
 * A line of an export, in the order they come: one `header`, the `entry` lines by `seq`, the `checkpoint` lines, one
 * `end`. What an entry or a note holds is not checked here.
 */
export type ExportLine =
  | { kind: 'header'; tenant: string; exportedAt: string }
  | { kind: 'entry'; entry: JsonObject; hash: string }
  | { kind: 'checkpoint'; note: string; key: string }
  | ({ kind: 'end' } & ChainHead);

/** The first line. @param exportedAt ISO 8601, UTC, milliseconds */
export function exportHeaderLine(tenant: string, exportedAt: string): string {
  return line({ kind: 'header', format: EXPORT_FORMAT, v: 1, tenant, exported_at: exportedAt });
}

/** The line of an entry and its hash. */
export function exportEntryLine(entry: AuditEntry, hash: string): string {
  return `{"kind":"entry","entry":${canonicalEntry(entry)},"hash":${JSON.stringify(hash)}}\n`;
}

/** The line of a checkpoint: its signed note, and the verifier key it is signed under. */
export function exportCheckpointLine(note: string, key: string): string {
  return line({ kind: 'checkpoint', note, key });
}

/** The last line, without which a file counts as cut short. */
export function exportEndLine({ seq, hash }: ChainHead): string {
  return line({ kind: 'end', seq, hash });
}

/** Reads one line, with or without its newline; undefined when it is none of the four kinds in strict JSON. */
export function parseExportLine(text: string): ExportLine | undefined {
  let value: unknown;
  try {
    value = parseStrict(text, { maxBytes: EXPORT_LINE_BYTES_MAX });
  } catch {
    return undefined;
  }
  return isJsonObject(value as JsonObject) ? readLine(value as JsonObject) : undefined;
}

function readLine(value: JsonObject): ExportLine | undefined {
  const { kind, tenant, exported_at: exportedAt, entry, hash, note, key, seq } = value;
  switch (kind) {
    case 'header':
      if (value.format !== EXPORT_FORMAT || value.v !== 1) return undefined;
      if (typeof tenant !== 'string' || typeof exportedAt !== 'string') return undefined;
      return { kind, tenant, exportedAt };
    case 'entry':
      return isJsonObject(entry) && typeof hash === 'string' ? { kind, entry, hash } : undefined;
    case 'checkpoint':
      return typeof note === 'string' && typeof key === 'string' ? { kind, note, key } : undefined;
    case 'end':
      return typeof seq === 'number' && typeof hash === 'string' ? { kind, seq, hash } : undefined;
    default:
      return undefined;
  }
}

function line(value: JsonObject): string {
  return `${JSON.stringify(value)}\n`;
}
