import type { AuditEntry } from './audit-entry.js';

/** What a brake covers, as its entry says it. */
export type BrakeScope = 'global' | 'tenant' | 'agent' | 'credential';

/** When a brake was on, in positions of its own chain: from its entry, and to the one that cleared it, which is not covered. */
export type BrakeSpan = {
  brake: string;
  scope: BrakeScope;
  /** The agent or credential it covers; null when it covers all. */
  covers: string | null;
  from: number;
  /** Null while it is on. */
  until: number | null;
};

/** Where a chain breaks the promise. */
export type BrakeViolation = { seq: number; reason: string };

/** The action and the outcome of the entry that must be durable before a credential is decrypted. */
const USE = { action: 'credential.use', outcome: 'intent' } as const;
const SCOPES: readonly string[] = ['global', 'tenant', 'agent', 'credential'] satisfies BrakeScope[];

/**
 * Proves from the entries of one chain that no use it allowed has a higher sequence number than a brake that was on and
 * covered it. Give it every entry in order; that the chain is whole is for `ExportVerifier` to say.
 *
 * A global brake stands in the platform's chain. In a tenant's, each use names the position of the platform's chain that it
 * was decided under, so there the proof is that none names a position while the brake was on. What was decided before and
 * became durable after it names an earlier one: that such a use was not carried out is what its outcome says, if anything.
 */
export class BrakeProver {
  private found: BrakeSpan | undefined;
  private first: BrakeViolation | undefined;
  private looked = 0;

  /**
   * @param brake `brk_` and 32 hex digits
   * @param global the span of a global brake, found in the platform's chain; without it the brake is one of this chain
   */
  constructor(
    private readonly brake: string,
    private readonly global?: BrakeSpan,
  ) {}

  /** The next entry of the chain. */
  entry(entry: AuditEntry): void {
    const { action, outcome } = entry;
    if (action === USE.action && outcome === USE.outcome) return this.use(entry);
    if (this.global !== undefined || outcome !== 'success' || entry.details.brake !== this.brake) return;
    if (action === 'brake.activate') this.activate(entry);
    else if (action === 'brake.clear') this.clear(entry);
  }

  /** The brake, when this chain has it. */
  get span(): BrakeSpan | undefined {
    return this.found;
  }

  /** How many allowed uses were looked at. */
  get uses(): number {
    return this.looked;
  }

  /** The first use that should not be there. */
  get violation(): BrakeViolation | undefined {
    return this.first;
  }

  private activate({ seq, details }: AuditEntry): void {
    const { scope } = details;
    if (typeof scope !== 'string' || !SCOPES.includes(scope)) return this.violated(seq, 'the brake names no scope');
    if (this.found !== undefined) return this.violated(seq, 'the brake is pulled a second time');
    const covers = scope === 'agent' ? details.agent : scope === 'credential' ? details.credential : null;
    if (covers !== null && typeof covers !== 'string') return this.violated(seq, `the brake names no ${scope}`);
    this.found = { brake: this.brake, scope: scope as BrakeScope, covers, from: seq, until: null };
  }

  private clear({ seq }: AuditEntry): void {
    if (this.found?.until !== null) return this.violated(seq, 'a brake is cleared that is not on');
    this.found = { ...this.found, until: seq };
  }

  private use(entry: AuditEntry): void {
    this.looked++;
    if (this.global !== undefined) return this.useUnderGlobal(entry, this.global);
    const span = this.found;
    if (span !== undefined && span.until === null && isCovered(span, entry)) {
      this.violated(entry.seq, `use ${entry.seq} was allowed while the brake of entry ${span.from} was on`);
    }
  }

  private useUnderGlobal({ seq, details }: AuditEntry, { from, until }: BrakeSpan): void {
    const decided = details.platform_seq;
    if (typeof decided !== 'number' || !Number.isSafeInteger(decided)) {
      return this.violated(seq, `use ${seq} names no position of the platform's chain`);
    }
    if (decided >= from && (until === null || decided < until)) {
      this.violated(seq, `use ${seq} was allowed under platform entry ${decided}, while the brake was on`);
    }
  }

  private violated(seq: number, reason: string): void {
    this.first ??= { seq, reason };
  }
}

function isCovered({ scope, covers: target }: BrakeSpan, { actor, details }: AuditEntry): boolean {
  if (scope === 'agent') return actor === `agent:${target}`;
  // A global brake in the platform's chain: nobody uses a credential there.
  return scope === 'credential' ? details.credential === target : true;
}
