import { OutboundError } from '../outbound-error.js';
import type { ByteSource } from './byte-source.js';
import { must } from './zstd-fault.js';

/** What a decoder should take at least, and what content of HTTP may ask for at most: RFC 8878, 3.1.1.1.2; RFC 9659. */
const WINDOW_BYTES_MAX = 8_388_608;

export interface FrameHeader {
  readonly windowBytes: number;
  readonly contentBytes: number | null;
  readonly hasChecksum: boolean;
}

/** RFC 8878, 3.1.1.1. Refuses what would need more memory than is given, or a dictionary, before a block is read. */
export async function readFrameHeader(input: ByteSource): Promise<FrameHeader> {
  const descriptor = await input.number(1);
  const isSingle = (descriptor & 0x20) !== 0;
  must((descriptor & 0x08) === 0);
  const described = isSingle ? null : windowOf(await input.number(1));
  const dictionary = await input.number([0, 1, 2, 4][descriptor & 3] as number);
  const contentBytes = await contentSize(input, descriptor >> 6, isSingle);
  const windowBytes = described ?? contentBytes;
  must(windowBytes !== null);
  if (dictionary !== 0 || windowBytes > WINDOW_BYTES_MAX) throw new OutboundError('upstream_encoding_unsupported');
  return { windowBytes, contentBytes, hasChecksum: (descriptor & 0x04) !== 0 };
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

async function contentSize(input: ByteSource, flag: number, isSingle: boolean): Promise<number | null> {
  if (flag === 0) return isSingle ? input.number(1) : null;
  if (flag === 1) return 256 + (await input.number(2));
  const low = await input.number(4);
  return flag === 2 ? low : low + 2 ** 32 * (await input.number(4));
}
