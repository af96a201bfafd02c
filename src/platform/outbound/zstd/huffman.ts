import { BackwardBits } from './backward-bits.js';
import { readFseTable } from './fse-table.js';
import { must } from './zstd-fault.js';

/** What the next `log` bits mean, and how many of them are meant: RFC 8878, 4.2. */
export interface HuffmanTable {
  readonly log: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
}

const BITS_MAX = 11;
const WEIGHTS_MAX = 255;
const WEIGHT_TABLE = { logMax: 6, symbolMax: 12 };
const DIRECT_FROM = 128;

const highestBit = (value: number): number => 31 - Math.clz32(value);

/** Reads a tree's description, and says where it ends. */
export function readHuffmanTable(bytes: Uint8Array, at: number, end: number): { table: HuffmanTable; end: number } {
  must(at < end);
  const header = bytes[at] as number;
  const isDirect = header >= DIRECT_FROM;
  const count = header - DIRECT_FROM + 1;
  const weightsEnd = at + 1 + (isDirect ? (count + 1) >> 1 : header);
  must(weightsEnd <= end);
  const weights = isDirect ? directWeights(bytes, at + 1, count) : codedWeights(bytes, at + 1, weightsEnd);
  return { table: tableOf(weights), end: weightsEnd };
}

function directWeights(bytes: Uint8Array, at: number, count: number): number[] {
  return Array.from({ length: count }, (_, nth) => {
    const pair = bytes[at + (nth >> 1)] as number;
    return nth % 2 === 0 ? pair >> 4 : pair & 15;
  });
}

/** Two states take turns until one cannot move on; then the other one says the last weight. */
function codedWeights(bytes: Uint8Array, at: number, end: number): number[] {
  const { table, end: tableEnd } = readFseTable(bytes, at, end, WEIGHT_TABLE);
  const stream = new BackwardBits(bytes, tableEnd, end);
  const states = [stream.read(table.log), stream.read(table.log)];
  const weights: number[] = [];
  for (let turn = 0; ; turn = 1 - turn) {
    must(weights.length < WEIGHTS_MAX);
    const state = states[turn] as number;
    weights.push(table.symbols[state] as number);
    const needed = table.bits[state] as number;
    if (needed > stream.left) {
      weights.push(table.symbols[states[1 - turn] as number] as number);
      return weights;
    }
    states[turn] = (table.base[state] as number) + stream.read(needed);
  }
}

/** The last weight is not written: it fills the tree up. */
function tableOf(weights: number[]): HuffmanTable {
  must(weights.length <= WEIGHTS_MAX && weights.every((weight) => weight <= BITS_MAX));
  const sum = weights.reduce((all, weight) => all + ((1 << weight) >> 1), 0);
  must(sum > 0);
  const log = highestBit(sum) + 1;
  must(log <= BITS_MAX);
  const rest = (1 << log) - sum;
  must((rest & (rest - 1)) === 0);
  weights.push(highestBit(rest) + 1);

  const symbols = new Uint8Array(1 << log);
  const bits = new Uint8Array(1 << log);
  const starts = codeStarts(weights, log);
  weights.forEach((weight, symbol) => {
    if (weight === 0) return;
    const from = starts[weight] as number;
    const to = from + (1 << (weight - 1));
    symbols.fill(symbol, from, to);
    bits.fill(log + 1 - weight, from, to);
    starts[weight] = to;
  });
  return { log, symbols, bits };
}

/** Where the codes of each weight begin: the longest codes come first. */
function codeStarts(weights: readonly number[], log: number): number[] {
  const sizes = Array.from({ length: log + 1 }, () => 0);
  for (const weight of weights) if (weight > 0) sizes[weight] = (sizes[weight] as number) + (1 << (weight - 1));
  let start = 0;
  return sizes.map((size) => (start += size) - size);
}

/** Fills `into` between `from` and `to` with exactly what the stream holds. */
export function readHuffmanStream(
  table: HuffmanTable,
  stream: BackwardBits,
  into: Uint8Array,
  from: number,
  to: number,
): void {
  const { log, symbols, bits } = table;
  const { bytes, start } = stream;
  const mask = (1 << log) - 1;
  let left = stream.left;
  for (let at = from; at < to; at += 1) {
    const bit = left - log;
    const byte = start + (bit >> 3);
    const index =
      bit >= 0
        ? (((bytes[byte] as number) | ((bytes[byte + 1] as number) << 8) | ((bytes[byte + 2] as number) << 16)) >>>
            (bit & 7)) &
          mask
        : beforeTheBeginning(bytes, start, left, log);
    into[at] = symbols[index] as number;
    left -= bits[index] as number;
    must(left >= 0);
  }
  must(left === 0);
}

/** The last codes are shorter than what is looked at: zeros stand in for what is missing. */
function beforeTheBeginning(bytes: Uint8Array, start: number, left: number, log: number): number {
  const word = (bytes[start] as number) | ((bytes[start + 1] as number) << 8);
  return (word & ((1 << left) - 1)) << (log - left);
}
