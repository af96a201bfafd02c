import type { TenantTx } from '../platform/database/tenant-tx.js';
import { readProofIds } from './audit.repository.js';

/** A proof stays acceptable for two minutes (`iat` ± 60 s); the clocks of two nodes may be apart by one more. */
export const PROOF_WINDOW_MS = 180_000;
const PAGE = 5_000;

/**
 * The proof ids that stand in a tenant's recent entries: what makes a replay lose without a table of its own. How long
 * one is remembered is measured by a clock that nobody sets, from when it was learned: a wall clock that runs ahead for
 * a moment would otherwise make it forget proofs that are good again a moment later.
 */
export class ProofWindow {
  readonly #seen = new Map<string, number>();

  has(jti: string): boolean {
    return this.#seen.has(jti);
  }

  add(jti: string, learnedMs: number): void {
    this.#seen.set(jti, learnedMs);
  }

  /** Forgets what no proof could repeat any more. Insertion order is time order. */
  prune(ticksMs: number): void {
    for (const [jti, learnedMs] of this.#seen) {
      if (ticksMs - learnedMs <= PROOF_WINDOW_MS) return;
      this.#seen.delete(jti);
    }
  }

  /** Reads what was appended behind `afterSeq` up to the head, as far back as the window reaches. */
  async load(tx: TenantTx, afterSeq: number, headSeq: number, nowMs: number, ticksMs: number): Promise<void> {
    const pages: (readonly string[])[] = [];
    for (let last = headSeq; last > afterSeq; last -= PAGE) {
      const page = await readProofIds(tx, Math.max(afterSeq, last - PAGE) + 1, last);
      pages.push(page.jtis);
      // A page with nothing in it: the head lies, and there is no end to read back to.
      if (page.oldestMs === null || nowMs - page.oldestMs > PROOF_WINDOW_MS) break;
    }
    for (const jtis of pages.reverse()) for (const jti of jtis) this.#seen.set(jti, ticksMs);
  }
}
