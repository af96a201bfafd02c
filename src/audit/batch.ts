import type { EntryRef } from '../tenancy/acts.js';
import { finish, type FinishedEntry } from './chain.js';
import type { Learned } from './chain-memory.js';
import type { Verdict } from './decision.js';
import type { Known } from './policy-memory.js';
import { spentBy } from './spent-approvals.js';
import type { Submission } from './submission.js';
import { type UseEvent, useEventOf } from './use-window.js';

/** Decisions that become true together, or not at all. */
export interface Batch<P> {
  readonly entries: readonly FinishedEntry[];
  readonly decided: readonly { submission: Submission<P>; result: unknown; ref: EntryRef | null }[];
  readonly learned: Learned;
}

/** Takes every decision against what is known. Null when one of them asks for a fresh policy first. */
export function decideBatch<P>(
  tenantId: string,
  known: Known<P>,
  taken: readonly Submission<P>[],
  nowMs: number,
): Batch<P> | null {
  const entries: FinishedEntry[] = [];
  const decided: { submission: Submission<P>; result: unknown; ref: EntryRef | null }[] = [];
  const used = new Set<string>();
  const events: UseEvent[] = [];
  const uses = known.chain.uses.during(nowMs);
  const spent = new Set<string>();
  let last: EntryRef = known.head;
  for (const submission of taken) {
    if (submission.settled) continue;
    try {
      const verdict: Verdict<unknown> = submission.decide({
        policy: known.policy,
        nowMs,
        fresh: known.load > submission.arrivedLoad,
        seen: (jti) => used.has(jti) || known.chain.proofs.has(jti),
        uses,
        spent: (key) => spent.has(key) || known.chain.spent.has(key),
      });
      if (verdict.kind === 'reload') return null;
      let ref: EntryRef | null = null;
      if (verdict.kind === 'entry') {
        const entry = finish(tenantId, last, verdict.draft, nowMs);
        entries.push(entry);
        ref = last = { seq: entry.seq, hash: entry.hash };
        if (verdict.jti !== undefined) used.add(verdict.jti);
        const event = useEventOf(entry.entry);
        if (event !== null) {
          uses.apply(event);
          events.push(event);
        }
        const approval = spentBy(entry.entry);
        if (approval !== null) spent.add(approval);
      }
      decided.push({ submission, result: verdict.result, ref });
    } catch (error) {
      submission.fail(error); // its own fault, and not that of the others in the batch
    }
  }
  return { entries, decided, learned: { jtis: [...used], uses: events, spent: [...spent] } };
}

/** The batch is durable, or nothing in it needed to be. */
export function answerBatch<P>(batch: Batch<P>): void {
  for (const { submission, result, ref } of batch.decided) submission.answer({ result, ref });
}
