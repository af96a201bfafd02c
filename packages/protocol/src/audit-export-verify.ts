import { readCheckpointNote, verifyCheckpointNote } from './audit-checkpoint.js';
import { type ExportLine, parseExportLine } from './audit-export.js';
import { type ChainHead, type ChainVerification, ChainVerifier } from './audit-verify.js';
import { isId } from './ids.js';
import { type NoteKey, parseVerifierKey } from './note-key.js';

/** What the verification of an exported file found. Members are named as on the wire. */
export type ExportVerification = ChainVerification & {
  /** The tenant the file says it is of; null when it has no header. */
  tenant: string | null;
  /** When the file says it was exported. */
  exported_at: string | null;
  /** The verifier keys of the checkpoints that were validly signed. */
  keys: string[];
  /**
   * Whether the caller pinned keys. Without, the file's own keys are believed: then whoever rewrote the whole file
   * could have signed it again, and only somebody who knows the keys can tell.
   */
  pinned: boolean;
};

const NO_TENANT = '';

/** Verifies an exported chain, line by line, in constant memory but for 32 bytes an entry. Never throws. */
export class ExportVerifier {
  private readonly pinned: ReadonlyMap<string, NoteKey> | undefined;
  private readonly keys = new Set<string>();
  private readonly digest: ((text: string) => string) | undefined;
  private readonly wantedTenant: string | undefined;
  private chain: ChainVerifier;
  private header: { tenant: string; exportedAt: string } | undefined;
  private end: ChainHead | undefined;
  private checkpoints = 0;
  private lines = 0;
  private unreadable: number | undefined;

  /**
   * @param options.tenant when given, the file must be of this tenant
   * @param options.keys verifier keys (see `formatVerifierKey`) trusted to sign checkpoints; without them those in
   * the file are believed
   * @param options.digest another SHA-256 of a text's UTF-8 in hexadecimal
   * @throws {RangeError} when a pinned key is no verifier key
   */
  constructor(options: { tenant?: string; keys?: readonly string[]; digest?: (text: string) => string } = {}) {
    this.wantedTenant = options.tenant;
    this.digest = options.digest;
    this.pinned = options.keys && new Map(options.keys.map((text) => [text, verifierKey(text)]));
    this.chain = this.newChain(options.tenant ?? NO_TENANT);
  }

  /** The next line of the file. An empty last one (after the final newline) is no line and may be left out. */
  line(text: string): void {
    // Only a last line may be cut in the middle; with anything after it, it is malformed.
    if (this.unreadable !== undefined) this.chain.malformed(`line ${this.unreadable} cannot be read`);
    this.unreadable = undefined;
    this.lines++;
    const parsed = parseExportLine(text);
    if (parsed === undefined) this.unreadable = this.lines;
    else this.take(parsed);
  }

  /** The verdict over the whole file. A file without its last line is a `gap`: nobody knows what is missing. */
  finish(): ExportVerification {
    const result =
      this.end === undefined
        ? this.chain.finish({ truncated: 'the file ends before its last line' })
        : this.chain.finish({ expectedHead: this.end });
    return {
      ...result,
      tenant: this.header?.tenant ?? null,
      exported_at: this.header?.exportedAt ?? null,
      keys: [...this.keys],
      pinned: this.pinned !== undefined,
    };
  }

  private take(line: ExportLine): void {
    if (this.end !== undefined) return this.chain.malformed(`line ${this.lines} comes after the end`);
    if ((line.kind === 'header') !== (this.lines === 1)) {
      return this.chain.malformed(
        this.lines === 1 ? 'the file has no header' : `line ${this.lines} is a second header`,
      );
    }
    switch (line.kind) {
      case 'header':
        return this.begin(line);
      case 'entry':
        if (this.checkpoints > 0) return this.chain.malformed(`line ${this.lines} is an entry after a checkpoint`);
        return this.chain.push(line.entry, line.hash);
      case 'checkpoint':
        return this.checkpoint(line);
      case 'end':
        this.end = { seq: line.seq, hash: line.hash };
    }
  }

  private begin({ tenant, exportedAt }: { tenant: string; exportedAt: string }): void {
    this.header = { tenant, exportedAt };
    this.chain = this.newChain(tenant);
    if (!isId('ten', tenant)) this.chain.malformed('the header names no tenant');
    else if ((this.wantedTenant ?? tenant) !== tenant) this.chain.malformed(`the file is of another tenant: ${tenant}`);
  }

  private checkpoint({ note, key: text }: { note: string; key: string }): void {
    this.checkpoints++;
    const key = this.pinned === undefined ? parseVerifierKey(text) : this.pinned.get(text);
    const verified = key && verifyCheckpointNote(note, key);
    if (verified?.ok !== true) return this.chain.checkpoint(readCheckpointNote(note), false);
    this.keys.add(text);
    this.chain.checkpoint(verified.checkpoint, true);
  }

  private newChain(tenant: string): ChainVerifier {
    return new ChainVerifier(this.digest === undefined ? { tenant } : { tenant, digest: this.digest });
  }
}

function verifierKey(text: string): NoteKey {
  const key = parseVerifierKey(text);
  if (key === undefined) throw new RangeError('a pinned key is no verifier key');
  return key;
}
