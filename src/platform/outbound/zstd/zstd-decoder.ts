import { setImmediate as nextTurn } from 'node:timers/promises';
import { OutboundError } from '../outbound-error.js';
import { ByteSource } from './byte-source.js';
import { readFrameHeader } from './frame-header.js';
import { BLOCK_BYTES_MAX, History } from './history.js';
import type { HuffmanTable } from './huffman.js';
import { readLiterals } from './literals.js';
import { runSequences, type SequenceMemory } from './sequences.js';
import { must } from './zstd-fault.js';

const FRAME = 0xfd2fb528;
const SKIPPABLE_FIRST = 0x184d2a50;
const SKIPPABLE_LAST = 0x184d2a5f;
const CHECKSUM_BYTES = 4;
/** Loads of four bytes at once may reach over the end of a block. */
const PADDING_BYTES = 8;
const RAW = 0;
const RLE = 1;
const COMPRESSED = 2;

/** What a block costs does not go down with its size: past this many, they must hold something on average. */
const BLOCKS_FREE = 16_384;
const BLOCK_MEAN_BYTES_MIN = 32;
/** Others get their turn after so many, at most a megabyte. */
const BLOCKS_PER_TURN = 8;

/**
 * Undoes zstd (RFC 8878) while it arrives, block by block. Written for bytes of an enemy: every length, state and offset is
 * checked before it is used, no window over 8 MiB is kept and no dictionary used, and an answer that does not end where a
 * frame ends is a fault. Checksums are passed over: TLS keeps the bytes, and the upstream may say what it likes.
 */
export async function* unzstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const input = new ByteSource(source);
  const decoder = new FrameDecoder(input);
  try {
    while (await input.hasMore()) {
      const magic = await input.number(4);
      if (magic === FRAME) yield* decoder.frame();
      else {
        must(magic >= SKIPPABLE_FIRST && magic <= SKIPPABLE_LAST);
        decoder.countBlock(0);
        await input.skip(await input.number(4));
      }
    }
  } finally {
    await input.close();
  }
}

class FrameDecoder {
  readonly #input: ByteSource;
  readonly #history = new History();
  readonly #block = new Uint8Array(BLOCK_BYTES_MAX + PADDING_BYTES);
  readonly #literals = new Uint8Array(BLOCK_BYTES_MAX);
  #tree: HuffmanTable | null = null;
  #memory: SequenceMemory = { tables: null, recent: [1, 4, 8] };
  #blocks = 0;
  #bytes = 0;

  constructor(input: ByteSource) {
    this.#input = input;
  }

  async *frame(): AsyncGenerator<Buffer> {
    const { windowBytes, contentBytes, hasChecksum } = await readFrameHeader(this.#input);
    this.#history.beginFrame(windowBytes);
    this.#tree = null;
    this.#memory = { tables: null, recent: [1, 4, 8] };
    const before = this.#bytes;
    const limit = Math.min(BLOCK_BYTES_MAX, windowBytes);
    for (let isLast = false; !isLast;) {
      const header = await this.#input.number(3);
      isLast = (header & 1) === 1;
      const piece = await this.#decode((header >> 1) & 3, header >> 3, limit);
      this.countBlock(piece.length);
      must(contentBytes === null || this.#bytes - before <= contentBytes);
      if (piece.length > 0) yield piece;
      if (this.#blocks % BLOCKS_PER_TURN === 0) await nextTurn();
    }
    must(contentBytes === null || this.#bytes - before === contentBytes);
    if (hasChecksum) await this.#input.skip(CHECKSUM_BYTES);
  }

  countBlock(bytes: number): void {
    this.#blocks += 1;
    this.#bytes += bytes;
    const isIdle = this.#blocks > BLOCKS_FREE && this.#bytes < this.#blocks * BLOCK_MEAN_BYTES_MIN;
    if (isIdle) throw new OutboundError('upstream_too_large');
  }

  async #decode(kind: number, size: number, limit: number): Promise<Buffer> {
    must(kind <= COMPRESSED && size <= limit);
    this.#history.beginBlock(limit);
    await this.#input.take(kind === RLE ? 1 : size, this.#block);
    if (kind === RAW) this.#history.append(this.#block, 0, size);
    else if (kind === RLE) this.#history.fill(this.#block[0] as number, size);
    else this.#compressed(size, limit);
    return this.#history.endBlock();
  }

  #compressed(size: number, limit: number): void {
    const { end, tree, ...literals } = readLiterals(this.#block, size, this.#literals, limit, this.#tree);
    this.#tree = tree;
    runSequences(this.#block, end, size, { ...literals, bytes: this.#literals }, this.#memory, this.#history);
  }
}
