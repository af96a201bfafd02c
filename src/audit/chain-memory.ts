import type { TenantTx } from '../platform/database/tenant-tx.js';
import { readRecentEntries, readUsesUnderWay, type RecentEntries } from './audit.repository.js';
import { PROOF_WINDOW_MS, ProofWindow } from './proof-window.js';
import { RATE_WINDOW_MS, type UseEvent, UseWindow } from './use-window.js';

const PAGE = 5_000;
/** Whatever is remembered of entries, it is of those since then. */
const WINDOW_MS = Math.max(PROOF_WINDOW_MS, RATE_WINDOW_MS);

/** What decisions remember of some entries. */
export interface Learned {
  readonly jtis: readonly string[];
  readonly uses: readonly UseEvent[];
  /** The approvals they spent. */
  readonly spent: readonly string[];
}

/** What decisions need to know of the entries up to the head besides the policy: no table says it, so nothing is written twice. */
export class ChainMemory {
  readonly proofs = new ProofWindow();
  readonly uses = new UseWindow();
  /** The approvals spent since the policy was loaded; it knows itself which were spent before. */
  readonly spent = new Set<string>();
  #loaded = false;

  /**
   * Reads what was appended behind `afterSeq` up to the head, as far back as the window reaches. False when entries were
   * left unread: no proof in them is good any more, but approvals may be spent in them that the policy does not know of.
   */
  async load(tx: TenantTx, afterSeq: number, headSeq: number, nowMs: number, ticksMs: number): Promise<boolean> {
    const pages: RecentEntries[] = [];
    let firstSeq = headSeq + 1;
    for (let last = headSeq; last > afterSeq; last -= PAGE) {
      firstSeq = Math.max(afterSeq, last - PAGE) + 1;
      const page = await readRecentEntries(tx, firstSeq, last);
      pages.push(page);
      // A page with nothing in it: the head lies, and there is no end to read back to.
      if (page.oldestMs === null || nowMs - page.oldestMs > WINDOW_MS) break;
    }
    const older = this.#loaded ? [] : await readUsesUnderWay(tx, firstSeq - 1);
    this.#loaded = true;
    for (const { jtis, spent } of pages.reverse()) {
      this.proofs.add(jtis, ticksMs);
      for (const key of spent) this.spent.add(key);
    }
    for (const event of [...older, ...pages.flatMap(({ uses }) => uses)]) this.uses.apply(event, nowMs);
    return firstSeq <= afterSeq + 1;
  }

  /** Our own entries are durable: only now their proofs and approvals are spent and their uses counted. */
  advance({ jtis, uses, spent }: Learned, nowMs: number, ticksMs: number): void {
    this.proofs.add(jtis, ticksMs);
    this.proofs.prune(ticksMs);
    for (const event of uses) this.uses.apply(event, nowMs);
    for (const key of spent) this.spent.add(key);
  }
}
