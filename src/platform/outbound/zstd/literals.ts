import { BackwardBits } from './backward-bits.js';
import { type HuffmanTable, readHuffmanStream, readHuffmanTable } from './huffman.js';
import { must } from './zstd-fault.js';

const RAW = 0;
const RLE = 1;
const TREELESS = 3;
const JUMP_TABLE_BYTES = 6;

interface Header {
  readonly kind: number;
  /** Of the literals. */
  readonly size: number;
  /** Of what stands for them. */
  readonly coded: number;
  readonly streams: 1 | 4;
  readonly end: number;
}

/** RFC 8878, 3.1.1.3.1.1. */
function headerAt(bytes: Uint8Array, at: number): Header {
  const byte = (nth: number): number => bytes[at + nth] as number;
  const kind = byte(0) & 3;
  const format = (byte(0) >> 2) & 3;
  const low = byte(0) | (byte(1) << 8) | (byte(2) << 16);
  if (kind <= RLE) {
    const [length, size] = ([
      [1, byte(0) >> 3],
      [2, (low & 0xffff) >> 4],
      [1, byte(0) >> 3],
      [3, low >> 4],
    ][format] ?? []) as [number, number];
    return { kind, size, coded: kind === RLE ? 1 : size, streams: 1, end: at + length };
  }
  const streams = format === 0 ? 1 : 4;
  if (format < 2) return { kind, size: (low >> 4) & 0x3ff, coded: low >> 14, streams, end: at + 3 };
  if (format === 2) {
    return { kind, size: (low >> 4) & 0x3fff, coded: (low >> 18) | (byte(3) << 6), streams, end: at + 4 };
  }
  const coded = (low >> 22) | (byte(3) << 2) | (byte(4) << 10);
  return { kind, size: (low >> 4) & 0x3ffff, coded, streams, end: at + 5 };
}

/** Reads the literals of a block into `into`. `known` is the tree of an earlier block of the frame, for those without one. */
export function readLiterals(
  bytes: Uint8Array,
  blockEnd: number,
  into: Uint8Array,
  limit: number,
  known: HuffmanTable | null,
): { size: number; end: number; tree: HuffmanTable | null } {
  must(blockEnd > 0);
  const { kind, size, coded, streams, end: from } = headerAt(bytes, 0);
  const end = from + coded;
  must(end <= blockEnd && size <= limit);
  if (kind === RAW) into.set(bytes.subarray(from, end));
  if (kind === RLE) into.fill(bytes[from] as number, 0, size);
  if (kind <= RLE) return { size, end, tree: known };
  const described = kind === TREELESS ? { table: known, end: from } : readHuffmanTable(bytes, from, end);
  const tree = described.table;
  must(tree !== null && size > 0);
  if (streams === 1) readHuffmanStream(tree, new BackwardBits(bytes, described.end, end), into, 0, size);
  else readFourStreams(tree, bytes, described.end, end, into, size);
  return { size, end, tree };
}

/** Each holds a quarter, rounded up; the last one the rest. */
function readFourStreams(
  tree: HuffmanTable,
  bytes: Uint8Array,
  at: number,
  end: number,
  into: Uint8Array,
  size: number,
): void {
  const quarter = (size + 3) >> 2;
  let from = at + JUMP_TABLE_BYTES;
  must(from <= end && quarter * 3 <= size);
  for (let nth = 0; nth < 4; nth += 1) {
    const length = (bytes[at + nth * 2] as number) | ((bytes[at + nth * 2 + 1] as number) << 8);
    const to = nth === 3 ? end : from + length;
    must(to <= end);
    const stop = nth === 3 ? size : quarter * (nth + 1);
    readHuffmanStream(tree, new BackwardBits(bytes, from, to), into, quarter * nth, stop);
    from = to;
  }
}
