import fc from 'fast-check';
import { OutboundError } from '../../src/platform/outbound/outbound-error.js';
import { decoded } from '../../src/platform/outbound/decode.js';
import { ZstdFault } from '../../src/platform/outbound/zstd/zstd-fault.js';
import { ZSTD_FRAMES, zstdBlock, zstdFrame } from '../support/zstd-frames.js';
import { PROPERTY_TIMEOUT_MS, runs } from './runs.js';

jest.setTimeout(PROPERTY_TIMEOUT_MS);

const BYTES_MAX = 1_500_000;
/** Of CPU: what else the machine does counts for nothing. */
const ONE_BODY_MS_MAX = 2_000;
const NAMED_END = /^(?:whole|ZSTD_CORRUPT|upstream_too_large|upstream_encoding_unsupported) /;

const real = fc.constantFrom(...Object.values(ZSTD_FRAMES));
const where = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const byte = fc.integer({ min: 0, max: 255 });

/** One change to the bytes of a frame, wherever it falls. */
const change = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), where, byte }),
  fc.record({ kind: fc.constant('flip' as const), where, byte: fc.integer({ min: 0, max: 7 }).map((bit) => 1 << bit) }),
  fc.record({ kind: fc.constant('insert' as const), where, byte }),
  fc.record({ kind: fc.constant('cut' as const), where, byte }),
  fc.record({ kind: fc.constant('drop' as const), where, byte }),
);

function changed(body: Buffer, changes: readonly { kind: string; where: number; byte: number }[]): Buffer {
  return changes.reduce((bytes, { kind, where: share, byte: value }) => {
    const at = Math.floor(share * bytes.length);
    if (kind === 'insert') return Buffer.concat([bytes.subarray(0, at), Buffer.of(value), bytes.subarray(at)]);
    if (kind === 'drop') return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    if (kind === 'cut') return bytes.subarray(0, at);
    const next = Buffer.from(bytes);
    if (at < next.length) next[at] = kind === 'set' ? value : (next[at] as number) ^ value;
    return next;
  }, body);
}

async function* inPieces(body: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}

/** Reads it to its end or its fault, in bounds of bytes and time, and says what it was decoded to. */
async function read(body: Buffer, size: number): Promise<string> {
  const start = process.cpuUsage();
  const pieces: Buffer[] = [];
  let bytes = 0;
  let end = 'whole';
  try {
    for await (const piece of decoded(inPieces(body, size), 'zstd', BYTES_MAX)) {
      bytes += piece.length;
      expect(bytes).toBeLessThanOrEqual(BYTES_MAX);
      pieces.push(piece);
    }
  } catch (error) {
    if (!(error instanceof ZstdFault || error instanceof OutboundError)) throw error;
    end = error.code;
  }
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1_000).toBeLessThan(ONE_BODY_MS_MAX);
  return `${end} ${Buffer.concat(pieces).toString('base64')}`;
}

test('P: a frame with errors ends, within its bounds and with a fault that has a name', async () => {
  await fc.assert(
    fc.asyncProperty(real, fc.array(change, { minLength: 1, maxLength: 4 }), async (frame, changes) => {
      expect(await read(changed(frame, changes), 65_536)).toMatch(NAMED_END);
    }),
    runs(3_000),
  );
});

test('P: so does a frame whose blocks are noise', async () => {
  const blocks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(blocks, async (contents) => {
      const body = zstdFrame(contents.map((content) => zstdBlock('compressed', content)));
      expect(await read(body, 65_536)).toMatch(NAMED_END);
    }),
    runs(3_000),
  );
});

test('P: what comes out does not depend on how it arrived', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(ZSTD_FRAMES.text, ZSTD_FRAMES.small, ZSTD_FRAMES.sized, ZSTD_FRAMES.secret),
      fc.array(change, { maxLength: 2 }),
      fc.integer({ min: 1, max: 200 }),
      async (frame, changes, size) => {
        const body = changed(frame, changes);
        expect(await read(body, size)).toBe(await read(body, 65_536));
      },
    ),
    runs(500),
  );
});
