import type { TenantTx } from '../platform/database/tenant-tx.js';
import { proofIdsSince } from './audit.repository.js';

/** Longer than any proof stays acceptable: `iat` ± 60 s, and the clocks of two nodes apart by as much. */
export const PROOF_WINDOW_MS = 300_000;
const PAGE = 5_000;

/** The proof ids that stand in a tenant's recent entries: what makes a replay lose without a table of its own. */
export class ProofWindow {
  readonly #seen = new Map<string, number>();

  has(jti: string): boolean {
    return this.#seen.has(jti);
  }

  add(jti: string, atMs: number): void {
    this.#seen.set(jti, atMs);
  }

  /** Forgets what no proof could repeat any more. Insertion order is close to time order. */
  prune(nowMs: number): void {
    for (const [jti, atMs] of this.#seen) {
      if (nowMs - atMs <= PROOF_WINDOW_MS) return;
      this.#seen.delete(jti);
    }
  }

  /** Reads what was appended after `afterSeq`, as far back as the window reaches. */
  async load(tx: TenantTx, afterSeq: number, nowMs: number): Promise<void> {
    const found: { jti: string | null; atMs: number }[] = [];
    let before = Number.MAX_SAFE_INTEGER;
    for (;;) {
      const rows = await proofIdsSince(tx, afterSeq, before, PAGE);
      found.push(...rows);
      const oldest = rows.at(-1);
      if (oldest === undefined || rows.length < PAGE || nowMs - oldest.atMs > PROOF_WINDOW_MS) break;
      before = oldest.seq;
    }
    // Oldest first, as `prune` expects it.
    for (const { jti, atMs } of found.reverse()) if (jti !== null) this.#seen.set(jti, atMs);
  }
}
