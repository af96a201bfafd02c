import type { CheckpointRecord } from './checkpoint-file.js';

/**
 * How a chain's head stands to what was last signed of it: `moved` on, `same`, or `behind`: shorter than it was, or as
 * long with another end. A restored backup is behind, and has forgotten brakes and spent proofs.
 */
export function compareWithCheckpoint(
  head: { readonly seq: number; readonly hash: string },
  last: Pick<CheckpointRecord, 'seq' | 'hash'> | undefined,
): 'moved' | 'same' | 'behind' {
  const signedSeq = last?.seq ?? 0;
  if (head.seq > signedSeq) return 'moved';
  return head.seq === signedSeq && (last === undefined || head.hash === last.hash) ? 'same' : 'behind';
}
