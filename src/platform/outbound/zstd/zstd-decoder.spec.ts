import {
  PLAIN_HEADER,
  ZSTD_COPY_BOMB,
  ZSTD_FRAMES,
  zstdBlock,
  zstdFrame,
  zstdLines,
  zstdRleBomb,
  zstdSkippable,
} from '../../../../test/support/zstd-frames.js';
import { decoded } from '../decode.js';

jest.setTimeout(60_000);

const MIB = 1_048_576;

async function* inPieces(body: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}

async function undone(body: Buffer, { size = 65_536, maxBytes = 4 * MIB } = {}): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of decoded(inPieces(body, size), 'zstd', maxBytes)) pieces.push(piece);
  return Buffer.concat(pieces);
}

const faultOf = (body: Buffer, options = {}): Promise<string> =>
  undone(body, options).then(
    (text) => `${text.length} bytes`,
    (error: Error & { code?: string }) => error.code ?? error.message,
  );

const far = zstdLines(20) + 'ab'.repeat(150_000) + zstdLines(20);
const raw = (text: string, isLast = true): Buffer => zstdBlock('raw', Buffer.from(text), { isLast });
/** The content of a compressed block: one literal, and no sequences. */
const LETTER = Buffer.from([8, 0x61, 0]);
const header = (...bytes: number[]): Buffer => zstdFrame([raw('text')], Buffer.from(bytes));

/** The blocks of a frame that has a window and no more in its header. */
function blocksOf(frame: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  for (let at = 6; at < frame.length - 4;) {
    const end = at + 3 + (frame.readUIntLE(at, 3) >> 3);
    blocks.push(frame.subarray(at, end));
    at = end;
  }
  return blocks;
}

/** The literals of a compressed block whose header is three bytes long, without its sequences. */
function literalsOf(block: Buffer): Buffer {
  const sizes = block.readUIntLE(3, 3);
  expect([sizes & 3, sizes & 8]).toEqual([3, 0]);
  return zstdBlock('compressed', Buffer.concat([block.subarray(3, 6 + (sizes >> 14)), Buffer.alloc(1)]));
}

/** A frame of these blocks, with a window of a kilobyte. */
function smallFrame(...blocks: readonly Buffer[]): Buffer {
  const last = Buffer.from(blocks.at(-1) as Buffer);
  last[0] = (last[0] as number) | 1;
  return zstdFrame([...blocks.slice(0, -1), last], Buffer.from([0x00, 0x00]));
}

describe('what the program writes is undone, however it arrives', () => {
  test.each([
    ['empty', ''],
    ['letter', 'a'],
    ['text', zstdLines(60)],
    ['unchecked', zstdLines(60)],
    ['fast', zstdLines(40)],
    ['sized', zstdLines(60)],
    ['far', far],
    ['small', zstdLines(100)],
  ] as const)('%s', async (name, text) => {
    for (const size of [65_536, 7, 1]) expect((await undone(ZSTD_FRAMES[name], { size })).toString()).toBe(text);
  });

  test('several frames, and ones to be skipped between them', async () => {
    const { text, small, empty, letter } = ZSTD_FRAMES;
    const skipped = zstdSkippable(Buffer.from('anything'));
    const body = Buffer.concat([skipped, text, small, skipped, empty, letter, skipped]);
    expect((await undone(body)).toString()).toBe(`${zstdLines(60)}${zstdLines(100)}a`);
  });

  test('each block is handed on before the next one comes', async () => {
    let sent = 0;
    async function* source(): AsyncGenerator<Buffer> {
      for (const piece of [zstdFrame([raw('one ', false)]), raw('two ', false), raw('three')]) {
        sent += 1;
        yield piece;
      }
    }
    const seen: string[] = [];
    for await (const piece of decoded(source(), 'zstd', MIB)) seen.push(`${sent} ${piece.toString()}`);
    expect(seen).toEqual(['1 one ', '2 two ', '3 three']);
  });
});

test('P1: what was decoded lies in no memory that small buffers share, where an echoed secret would stay', async () => {
  for await (const piece of decoded(inPieces(zstdFrame([raw('an echo')]), 65_536), 'zstd', MIB))
    expect(piece.buffer.byteLength).toBe(piece.length);
});

describe('what a frame may ask for', () => {
  test.each([
    ['a window of 8 MiB', header(0x00, 0x68), '4 bytes'],
    ['one step more', header(0x00, 0x69), 'upstream_encoding_unsupported'],
    ['a window of 128 MiB', ZSTD_FRAMES.wide, 'upstream_encoding_unsupported'],
    ['the largest window there is', header(0x00, 0xff), 'upstream_encoding_unsupported'],
    ['a single segment of 4 bytes', header(0x20, 4), '4 bytes'],
    ['one of 8 MiB and a byte', header(0xa0, 1, 0, 0x80, 0), 'upstream_encoding_unsupported'],
    ['one of 16 EiB', header(0xe0, ...Array<number>(8).fill(255)), 'upstream_encoding_unsupported'],
    ['a dictionary', header(0x01, 0x38, 7), 'upstream_encoding_unsupported'],
    ['no dictionary, in four bytes', header(0x03, 0x38, 0, 0, 0, 0), '4 bytes'],
    ['a reserved bit', header(0x08, 0x38), 'ZSTD_CORRUPT'],
    ['more content than it has', header(0x20, 5), 'ZSTD_CORRUPT'],
    ['less content than it has', header(0x20, 3), 'ZSTD_CORRUPT'],
    ['a reserved block', zstdFrame([zstdBlock('reserved', LETTER, { isLast: true })]), 'ZSTD_CORRUPT'],
    [
      'a raw block over 128 KiB',
      zstdFrame([zstdBlock('raw', Buffer.alloc(131_073), { isLast: true })]),
      'ZSTD_CORRUPT',
    ],
    [
      'an RLE block over 128 KiB',
      zstdFrame([zstdBlock('rle', Buffer.alloc(1), { isLast: true, size: 131_073 })]),
      'ZSTD_CORRUPT',
    ],
    [
      'a compressed block over 128 KiB',
      zstdFrame([zstdBlock('compressed', Buffer.alloc(200_000), { isLast: true })]),
      'ZSTD_CORRUPT',
    ],
    ['a block longer than its window', zstdFrame([raw('a'.repeat(1_025))], Buffer.from([0x00, 0x00])), 'ZSTD_CORRUPT'],
    ['bytes behind the last frame', Buffer.concat([ZSTD_FRAMES.text, Buffer.from('behind')]), 'ZSTD_CORRUPT'],
    ['one byte behind the last frame', Buffer.concat([ZSTD_FRAMES.text, Buffer.alloc(1)]), 'ZSTD_CORRUPT'],
    ['no frame at all', Buffer.from('{"plain":"json"}'), 'ZSTD_CORRUPT'],
  ])('%s', async (_what, body, seen) => {
    expect(await faultOf(body)).toBe(seen);
    expect(await faultOf(body, { size: 1 })).toBe(seen);
  });

  test('a frame that breaks off anywhere is a fault', async () => {
    const body = Buffer.concat([ZSTD_FRAMES.text, zstdSkippable(Buffer.alloc(3))]);
    const whole = new Set([body.length, ZSTD_FRAMES.text.length]);
    for (let length = 1; length <= body.length; length += 1) {
      const seen = await faultOf(body.subarray(0, length));
      expect([length, seen]).toEqual([length, whole.has(length) ? `${zstdLines(60).length} bytes` : 'ZSTD_CORRUPT']);
    }
  });

  test('tables of one frame are not there in the next one', async () => {
    const [first, second] = blocksOf(ZSTD_FRAMES.small) as [Buffer, Buffer];
    const treeless = literalsOf(second);
    const text = zstdLines(100).slice(0, 1_024);
    expect((await undone(smallFrame(first))).toString()).toBe(text);
    expect((await undone(smallFrame(first, treeless))).toString().startsWith(text)).toBe(true);
    expect(await faultOf(Buffer.concat([smallFrame(first), smallFrame(treeless)]))).toBe('ZSTD_CORRUPT');
  });

  test('nothing is repeated from before the frame, though an earlier frame stood there', async () => {
    // One literal, then three bytes from four back.
    const reaching = zstdBlock('compressed', Buffer.from([8, 0x61, 1, 0x54, 1, 2, 0, 0x07]), { isLast: true });
    expect(await faultOf(Buffer.concat([zstdFrame([raw('secret')]), zstdFrame([reaching])]))).toBe('ZSTD_CORRUPT');
    expect((await undone(zstdFrame([raw('secret', false), reaching]))).toString()).toBe('secretaret');
  });
});

describe('ATTACKS 37: zstd bombs', () => {
  /** What this process works from here on; a busy machine makes it wait, and that is not counted. */
  const cpuMs = () => {
    const before = process.cpuUsage();
    return () => process.cpuUsage(before).user / 1_000;
  };

  test('by size and by ratio', async () => {
    for (const bomb of [ZSTD_FRAMES.zeros, zstdRleBomb(160)]) {
      expect(await faultOf(bomb, { maxBytes: 2 * MIB })).toBe('upstream_too_large');
      expect(await faultOf(bomb, { maxBytes: 64 * MIB })).toBe('upstream_too_large');
    }
  });

  test('copies that would write past their block end at once', async () => {
    const cost = cpuMs();
    expect(await faultOf(ZSTD_COPY_BOMB)).toBe('ZSTD_CORRUPT');
    expect(cost()).toBeLessThan(1_000);
  });

  test('so do sixty thousand copies of 128 KiB, for which every bit is there', async () => {
    const start = [8, 0x61, 255, (60_000 - 0x7f00) & 255, (60_000 - 0x7f00) >> 8, 0x54, 0, 0, 52];
    const copies = Buffer.concat([Buffer.from(start), Buffer.alloc(120_000, 255), Buffer.of(1)]);
    const frame = zstdFrame([raw('abcdefgh', false), zstdBlock('compressed', copies, { isLast: true })]);
    const cost = cpuMs();
    expect(await faultOf(frame)).toBe('ZSTD_CORRUPT');
    expect(cost()).toBeLessThan(1_000);
  });

  test('tens of thousands of frames, blocks and skippable frames that hold nothing', async () => {
    const many = (piece: Buffer): Buffer => Buffer.concat(Array<Buffer>(20_000).fill(piece));
    expect(await faultOf(many(zstdFrame([raw('')], Buffer.from([0x00, 0x68]))))).toBe('upstream_too_large');
    expect(await faultOf(many(zstdSkippable(Buffer.alloc(0))))).toBe('upstream_too_large');
    expect(await faultOf(zstdFrame([many(raw('', false))], PLAIN_HEADER))).toBe('upstream_too_large');
  });
});
