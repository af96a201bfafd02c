import { type FseTable, tableOf } from './fse-table.js';

/** One of the three things that sequences are written in: RFC 8878, 3.1.1.3.2. */
export interface SequenceCode {
  readonly limits: { readonly logMax: number; readonly symbolMax: number };
  readonly predefined: FseTable;
  /** What a symbol means before its further bits are added, and how many those are. */
  readonly base: Uint32Array;
  readonly bits: Uint8Array;
}

const times = (count: number, value: number): number[] => Array.from({ length: count }, () => value);

/** Symbols that are themselves, then ones whose further bits carry on where those of the one before ended. */
function codeOf(
  first: number,
  bits: readonly number[],
  logMax: number,
  predefined: readonly number[],
  log: number,
): SequenceCode {
  const base = new Uint32Array(bits.length);
  bits.reduce((next, length, symbol) => {
    base[symbol] = next;
    return next + 2 ** length;
  }, first);
  const limits = { logMax, symbolMax: bits.length - 1 };
  return { limits, predefined: tableOf(predefined, log), base, bits: Uint8Array.from(bits) };
}

const LITERAL_LENGTH_BITS = [...times(16, 0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const MATCH_LENGTH_BITS = [...times(32, 0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

// The predefined distributions: RFC 8878, 3.1.1.3.2.2.
export const LITERAL_LENGTH = codeOf(
  0,
  LITERAL_LENGTH_BITS,
  9,
  [4, 3, ...times(11, 2), 1, 1, 1, ...times(9, 2), 3, 2, ...times(5, 1), ...times(4, -1)],
  6,
);
export const MATCH_LENGTH = codeOf(
  3,
  MATCH_LENGTH_BITS,
  9,
  [1, 4, 3, ...times(6, 2), ...times(37, 1), ...times(7, -1)],
  6,
);
/** A code of 31 is the last there can be; no window here is as large, so most are refused when they are met. */
export const OFFSET = codeOf(
  1,
  Array.from({ length: 32 }, (_, symbol) => symbol),
  8,
  [...times(6, 1), 2, 2, 2, ...times(15, 1), ...times(5, -1)],
  5,
);
