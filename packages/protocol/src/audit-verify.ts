import type { Checkpoint } from './audit-checkpoint.js';
import { type AuditEntry, canonicalEntry, genesisPrev, validateEntry } from './audit-entry.js';
import { HashHistory } from './hash-history.js';
import { sha256Hex } from './sha256.js';

/**
 * What became of a chain:
 * `tampered` an entry's content does not give its hash, does not link, or is malformed · `gap` a sequence number is
 * missing, doubled or out of order · `checkpoint` a checkpoint names more entries than there are, or another hash, or
 * is not validly signed
 */
export type Verdict = 'ok' | 'tampered' | 'gap' | 'checkpoint';

/** The exit status of `audit verify` for each verdict. */
export const VERDICT_EXIT_CODES: Readonly<Record<Verdict, number>> = { ok: 0, tampered: 2, gap: 3, checkpoint: 4 };

/** The position and hash of a chain's last entry; for an empty chain 0 and its genesis hash. */
export type ChainHead = { seq: number; hash: string };

/** What a verification found. Members are named as on the wire. */
export type ChainVerification = {
  verdict: Verdict;
  /** How many entries were looked at. */
  entries: number;
  /** The last entry, as presented. */
  head: ChainHead;
  /** The first position something is wrong with; the first missing one when the tail was cut. */
  first_bad_seq: number | null;
  /** One sentence for people. */
  reason: string | null;
  /** How many checkpoints were compared, and the highest position a validly signed one names (0 for none). */
  checkpoints: { checked: number; last_seq: number };
};

type Fault = { verdict: Exclude<Verdict, 'ok'>; seq: number; reason: string };

/** An entry that recomputes but does not link: it, or the one before, was altered and hashed again. */
type BrokenLink = { seq: number; hash: string };

/**
 * Verifies a tenant's chain as a stream: `push` every entry in order, give it every checkpoint at any time, `finish`.
 * It keeps 32 bytes an entry. The same code judges a live chain and an exported file.
 *
 * When several things are wrong, the one at the lowest position is reported; at the same position the chain's own
 * fault comes before a checkpoint's, and that before the expected head's. A bad signature is reported only when
 * nothing else is wrong: the position an unsigned statement names means nothing.
 */
export class ChainVerifier {
  private readonly tenant: string;
  private readonly digest: (text: string) => string;
  private readonly history = new HashHistory();
  private readonly signed: Checkpoint[] = [];
  private readonly badSignatures: Fault[] = [];
  private entries = 0;
  private head: ChainHead;
  private presented: ChainHead;
  private fault: Fault | undefined;
  private broken: BrokenLink | undefined;

  /**
   * @param options.tenant `ten_` and 32 hex digits
   * @param options.digest another SHA-256 of a text's UTF-8 in hexadecimal: a server has a faster one
   */
  constructor(options: { tenant: string; digest?: (text: string) => string }) {
    this.tenant = options.tenant;
    this.digest = options.digest ?? sha256Hex;
    this.head = { seq: 0, hash: genesisPrev(options.tenant) };
    this.presented = this.head;
  }

  /** The next entry and the hash stored beside it, as they were read: anything may be wrong with either. */
  push(entry: unknown, hash: unknown): void {
    this.entries++;
    if (this.broken !== undefined) this.blame(this.follows(entry, hash));
    if (this.fault === undefined) this.fault = this.examine(entry, hash);
    const seq = (entry as { seq?: unknown } | null | undefined)?.seq;
    if (typeof seq === 'number' && typeof hash === 'string') this.presented = { seq, hash };
  }

  /** Something stands where the next entry should, and cannot be read as one. */
  malformed(reason: string): void {
    this.fault ??= { verdict: 'tampered', seq: this.head.seq + 1, reason };
  }

  /**
   * A checkpoint, and whether a trusted key signed it.
   * @param parsed undefined when it could not even be read
   */
  checkpoint(parsed: Checkpoint | undefined, signatureOk: boolean): void {
    if (parsed !== undefined && signatureOk && parsed.tenant === this.tenant) {
      this.signed.push(parsed);
      return;
    }
    const reason =
      parsed === undefined
        ? 'a checkpoint cannot be read'
        : signatureOk
          ? `a checkpoint at ${parsed.seq} is of another tenant`
          : `the checkpoint at ${parsed.seq} is not validly signed`;
    this.badSignatures.push({ verdict: 'checkpoint', seq: parsed?.seq ?? 0, reason });
  }

  /**
   * The verdict over everything given.
   * @param options.expectedHead where the chain is said to end, when that is known
   * @param options.truncated why the source is known to end too early, when it does
   */
  finish(options: { expectedHead?: ChainHead; truncated?: string } = {}): ChainVerification {
    const { expectedHead, truncated } = options;
    if (this.broken !== undefined) this.blame(this.vouchedFor(this.broken, expectedHead));
    const faults = [this.fault, ...this.checkpointFaults(), this.headFault(expectedHead, truncated)];
    const first = faults
      .filter((fault) => fault !== undefined)
      .reduce<Fault | undefined>(
        (best, fault) => (best === undefined || fault.seq < best.seq ? fault : best),
        undefined,
      );
    const found = first ?? this.badSignatures[0];
    return {
      verdict: found?.verdict ?? 'ok',
      entries: this.entries,
      head: { ...this.presented },
      first_bad_seq: found === undefined || found.seq === 0 ? null : found.seq,
      reason: found?.reason ?? null,
      checkpoints: {
        checked: this.signed.length + this.badSignatures.length,
        last_seq: this.signed.reduce((highest, { seq }) => Math.max(highest, seq), 0),
      },
    };
  }

  private examine(value: unknown, hash: unknown): Fault | undefined {
    const expected = this.head.seq + 1;
    const valid = validateEntry(value);
    if (!valid.ok) return tampered(expected, `entry ${expected} is malformed: ${valid.reason}`);
    const { entry } = valid;
    const computed = this.digest(valid.canonical);
    if (computed !== hash) return this.contentFault(entry, hash, expected);
    if (entry.tenant !== this.tenant) return tampered(expected, `entry ${expected} is of another tenant`);
    if (entry.seq > expected) return missing(expected, entry.seq);
    if (entry.seq < expected) return gap(entry.seq, `entry ${entry.seq} comes again after entry ${this.head.seq}`);
    if (entry.prev !== this.head.hash) {
      if (expected === 1) return tampered(1, 'entry 1 does not follow the genesis hash');
      this.broken = { seq: entry.seq, hash: computed };
    }
    this.head = { seq: entry.seq, hash: computed };
    this.history.append(computed);
    return undefined;
  }

  /** Content that does not give its hash: altered, unless entries are missing before it. */
  private contentFault(entry: AuditEntry, hash: unknown, expected: number): Fault {
    // A changed `seq` must not pass for a gap.
    const renumbered = this.digest(canonicalEntry({ ...entry, seq: expected })) === hash;
    if (entry.seq > expected && !renumbered) return missing(expected, entry.seq);
    return tampered(expected, `the content of entry ${expected} does not give its hash`);
  }

  /** Whether an entry is sound and links to the one before it, whatever that is. */
  private follows(value: unknown, hash: unknown): boolean {
    const valid = validateEntry(value);
    return valid.ok && valid.entry.prev === this.head.hash && this.digest(valid.canonical) === hash;
  }

  private vouchedFor({ seq, hash }: BrokenLink, expectedHead: ChainHead | undefined): boolean {
    const witnesses: ChainHead[] = expectedHead === undefined ? this.signed : [expectedHead, ...this.signed];
    return witnesses.some((witness) => witness.seq === seq && witness.hash === hash);
  }

  /** An entry that something later attests was not altered, so the one before it was. */
  private blame(vouched: boolean): void {
    const { seq } = this.broken!;
    this.broken = undefined;
    this.fault = vouched
      ? tampered(seq - 1, `entry ${seq - 1} was altered and hashed again: entry ${seq} follows another hash`)
      : tampered(seq, `entry ${seq} does not follow entry ${seq - 1}`);
  }

  private checkpointFaults(): Fault[] {
    const faults: Fault[] = [];
    for (const { seq, hash } of this.signed) {
      const actual = this.history.at(seq - 1);
      if (actual === undefined) {
        const next = this.head.seq + 1;
        faults.push(checkpointFault(next, `entry ${next} is missing: a checkpoint names entry ${seq}`));
      } else if (actual !== hash) {
        faults.push(checkpointFault(seq, `a checkpoint names another hash for entry ${seq}`));
      }
    }
    return faults;
  }

  private headFault(expected: ChainHead | undefined, truncated: string | undefined): Fault | undefined {
    const { seq, hash } = this.head;
    if (truncated !== undefined) return gap(seq + 1, truncated);
    if (expected === undefined) return undefined;
    if (expected.seq > seq) return gap(seq + 1, `entry ${seq + 1} is missing: the chain ends at ${expected.seq}`);
    const actual = expected.seq === seq ? hash : this.history.at(expected.seq - 1);
    if (expected.seq > 0 && actual !== expected.hash) {
      return tampered(expected.seq, `the chain's head names another hash for entry ${expected.seq}`);
    }
    if (expected.seq < seq) return tampered(expected.seq + 1, `entry ${expected.seq + 1} lies beyond the chain's head`);
    return undefined;
  }
}

function tampered(seq: number, reason: string): Fault {
  return { verdict: 'tampered', seq, reason };
}

function gap(seq: number, reason: string): Fault {
  return { verdict: 'gap', seq, reason };
}

function missing(seq: number, next: number): Fault {
  return gap(seq, `entry ${seq} is missing: ${next} comes next`);
}

function checkpointFault(seq: number, reason: string): Fault {
  return { verdict: 'checkpoint', seq, reason };
}
