import { must } from './zstd-fault.js';

/** What each state of a finite state entropy decoder means: RFC 8878, 4.1.1. */
export interface FseTable {
  readonly log: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly base: Uint16Array;
}

const LESS_THAN_ONE = -1;
const ACCURACY_LOG_MIN = 5;

const highestBit = (value: number): number => 31 - Math.clz32(value);

/** One symbol, always. */
export const constantTable = (symbol: number): FseTable => ({
  log: 0,
  symbols: Uint8Array.of(symbol),
  bits: new Uint8Array(1),
  base: new Uint16Array(1),
});

/** Spreads the symbols over the states by their counts, which add up to the number of states. */
export function tableOf(counts: readonly number[], log: number): FseTable {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(counts.length);
  let high = size - 1;
  counts.forEach((count, symbol) => {
    next[symbol] = Math.abs(count);
    if (count === LESS_THAN_ONE) symbols[high--] = symbol;
  });
  const step = (size >> 1) + (size >> 3) + 3;
  let state = 0;
  counts.forEach((count, symbol) => {
    for (let nth = 0; nth < count; nth += 1) {
      symbols[state] = symbol;
      do state = (state + step) & (size - 1);
      while (state > high);
    }
  });
  must(state === 0);
  const bits = new Uint8Array(size);
  const base = new Uint16Array(size);
  for (state = 0; state < size; state += 1) {
    const symbol = symbols[state] as number;
    const nth = next[symbol] as number;
    next[symbol] = nth + 1;
    const needed = log - highestBit(nth);
    bits[state] = needed;
    base[state] = (nth << needed) - size;
  }
  return { log, symbols, bits, base };
}

/** Reads a table's description, and says where it ends. */
export function readFseTable(
  bytes: Uint8Array,
  at: number,
  end: number,
  limits: { readonly logMax: number; readonly symbolMax: number },
): { table: FseTable; end: number } {
  let bit = at * 8;
  const read = (count: number): number => {
    const byte = bit >> 3;
    const word = (bytes[byte] as number) | ((bytes[byte + 1] as number) << 8) | ((bytes[byte + 2] as number) << 16);
    const value = (word >> (bit & 7)) & ((1 << count) - 1);
    bit += count;
    must(bit <= end * 8);
    return value;
  };
  const log = read(4) + ACCURACY_LOG_MIN;
  must(log <= limits.logMax);
  const counts: number[] = [];
  let remaining = 1 << log;
  while (remaining > 0) {
    must(counts.length <= limits.symbolMax);
    const count = probability(remaining, read);
    remaining -= Math.abs(count);
    counts.push(count);
    for (let zeros = count === 0 ? 3 : 0; zeros === 3;) {
      zeros = read(2);
      for (let nth = 0; nth < zeros; nth += 1) counts.push(0);
      must(counts.length <= limits.symbolMax);
    }
  }
  must(remaining === 0);
  return { table: tableOf(counts, log), end: (bit + 7) >> 3 };
}

/** Written with one bit less where that is enough. */
function probability(remaining: number, read: (count: number) => number): number {
  const length = highestBit(remaining + 1);
  const low = read(length);
  const short = (1 << (length + 1)) - 1 - (remaining + 1);
  if (low < short) return low - 1;
  const value = low | (read(1) << length);
  return (value >= 1 << length ? value - short : value) - 1;
}
