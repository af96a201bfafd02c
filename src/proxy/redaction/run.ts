/**
 * Consecutive characters of an answer as one decoder left them, each with the offset in the raw stream where it begins. A
 * character ends where the next begins, the last one at `upTo`; what lies behind `upTo` is not decided yet.
 */
export type Run = {
  readonly bytes: Uint8Array;
  /** Offset of the first character, when each of them is one raw byte and they need no list of their own. */
  readonly base: number;
  readonly starts: Float64Array | null;
  readonly upTo: number;
};

export const rawRun = (bytes: Uint8Array, base: number): Run => ({
  bytes,
  base,
  starts: null,
  upTo: base + bytes.length,
});

export const startOf = (run: Run, index: number): number =>
  run.starts === null ? run.base + index : (run.starts[index] as number);

export const endOf = (run: Run, index: number): number =>
  index + 1 < run.bytes.length ? startOf(run, index + 1) : run.upTo;
