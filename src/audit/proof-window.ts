/** A proof stays acceptable for two minutes (`iat` ± 60 s); the clocks of two nodes may be apart by one more. */
export const PROOF_WINDOW_MS = 180_000;

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

  add(jtis: Iterable<string>, learnedMs: number): void {
    for (const jti of jtis) this.#seen.set(jti, learnedMs);
  }

  /** Forgets what no proof could repeat any more. Insertion order is time order. */
  prune(ticksMs: number): void {
    for (const [jti, learnedMs] of this.#seen) {
      if (ticksMs - learnedMs <= PROOF_WINDOW_MS) return;
      this.#seen.delete(jti);
    }
  }
}
