import { BackwardBits } from './backward-bits.js';
import { constantTable, type FseTable, readFseTable } from './fse-table.js';
import type { History } from './history.js';
import { LITERAL_LENGTH, MATCH_LENGTH, OFFSET, type SequenceCode } from './sequence-codes.js';
import { must } from './zstd-fault.js';

/** What a block hands on to the next one of its frame. */
export interface SequenceMemory {
  tables: { literals: FseTable; offsets: FseTable; matches: FseTable } | null;
  /** The last three offsets, the newest first. */
  readonly recent: [number, number, number];
}

const PREDEFINED = 0;
const RLE = 1;
const REPEAT = 3;
/** The longest offset of an 8 MiB window, and the three that mean an earlier one, fit into 23 further bits. */
const OFFSET_BITS_MAX = 23;

/** Appends what the sequences of a block say: some literals, then something from before; at last the rest of the literals. */
export function runSequences(
  bytes: Uint8Array,
  at: number,
  end: number,
  literals: { readonly bytes: Uint8Array; readonly size: number },
  memory: SequenceMemory,
  history: History,
): void {
  const { count, end: countEnd } = sequenceCount(bytes, at, end);
  if (count === 0) {
    must(countEnd === end);
    return history.append(literals.bytes, 0, literals.size);
  }
  const { tables, end: tablesEnd } = readTables(bytes, countEnd, end, memory.tables);
  memory.tables = tables;
  const stream = new BackwardBits(bytes, tablesEnd, end);
  let literalState = stream.read(tables.literals.log);
  let offsetState = stream.read(tables.offsets.log);
  let matchState = stream.read(tables.matches.log);
  let used = 0;
  for (let nth = 1; ; nth += 1) {
    const written = writtenOffset(stream, tables.offsets, offsetState);
    const match = valueOf(stream, MATCH_LENGTH, tables.matches, matchState);
    const run = valueOf(stream, LITERAL_LENGTH, tables.literals, literalState);
    must(used + run <= literals.size);
    history.append(literals.bytes, used, used + run);
    used += run;
    history.repeat(offsetOf(written, run === 0, memory.recent), match);
    if (nth === count) break;
    literalState = nextState(stream, tables.literals, literalState);
    matchState = nextState(stream, tables.matches, matchState);
    offsetState = nextState(stream, tables.offsets, offsetState);
  }
  must(stream.left === 0);
  history.append(literals.bytes, used, literals.size);
}

function sequenceCount(bytes: Uint8Array, at: number, end: number): { count: number; end: number } {
  const byte = (nth: number): number => bytes[at + nth] as number;
  must(at < end);
  if (byte(0) < 128) return { count: byte(0), end: at + 1 };
  if (byte(0) < 255) return { count: ((byte(0) - 128) << 8) + byte(1), end: at + 2 };
  return { count: byte(1) + (byte(2) << 8) + 0x7f00, end: at + 3 };
}

function readTables(
  bytes: Uint8Array,
  at: number,
  end: number,
  known: SequenceMemory['tables'],
): { tables: NonNullable<SequenceMemory['tables']>; end: number } {
  must(at < end);
  const modes = bytes[at] as number;
  must((modes & 3) === 0);
  let next = at + 1;
  const read = (code: SequenceCode, mode: number, before: FseTable | undefined): FseTable => {
    if (mode === PREDEFINED) return code.predefined;
    if (mode === REPEAT) {
      must(before !== undefined);
      return before;
    }
    must(next < end);
    if (mode === RLE) {
      const symbol = bytes[next++] as number;
      must(symbol <= code.limits.symbolMax);
      return constantTable(symbol);
    }
    const described = readFseTable(bytes, next, end, code.limits);
    next = described.end;
    return described.table;
  };
  const literals = read(LITERAL_LENGTH, modes >> 6, known?.literals);
  const offsets = read(OFFSET, (modes >> 4) & 3, known?.offsets);
  const matches = read(MATCH_LENGTH, (modes >> 2) & 3, known?.matches);
  return { tables: { literals, offsets, matches }, end: next };
}

function valueOf(stream: BackwardBits, code: SequenceCode, table: FseTable, state: number): number {
  const symbol = table.symbols[state] as number;
  return (code.base[symbol] as number) + stream.read(code.bits[symbol] as number);
}

function writtenOffset(stream: BackwardBits, table: FseTable, state: number): number {
  const bits = table.symbols[state] as number;
  must(bits <= OFFSET_BITS_MAX);
  return (1 << bits) + stream.read(bits);
}

function nextState(stream: BackwardBits, table: FseTable, state: number): number {
  return (table.base[state] as number) + stream.read(table.bits[state] as number);
}

/** RFC 8878, 3.1.1.5: one to three mean an earlier offset, another one when no literals stand before. */
function offsetOf(written: number, isBare: boolean, recent: [number, number, number]): number {
  const which = written - 1 + (isBare ? 1 : 0);
  if (written <= 3 && which === 0) return recent[0];
  const offset = written > 3 ? written - 3 : which === 3 ? recent[0] - 1 : (recent[which] as number);
  if (written > 3 || which > 1) recent[2] = recent[1];
  recent[1] = recent[0];
  recent[0] = offset;
  return offset;
}
