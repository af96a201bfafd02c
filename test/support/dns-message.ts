import ipaddr from 'ipaddr.js';

/** What a DNS question asks and an answer says, in the little of RFC 1035 that addresses need. */
export type RecordType = 'A' | 'AAAA' | 'CNAME' | 'other';
export interface Question {
  readonly id: number;
  readonly name: string;
  readonly type: RecordType;
  /** The question as it came, to be sent back. */
  readonly bytes: Buffer;
}
export interface ResourceRecord {
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'CNAME';
  /** An address, or the name that a CNAME leads to. */
  readonly value: string;
  readonly ttl?: number;
}
export interface DnsAnswer {
  readonly records?: readonly ResourceRecord[];
  readonly rcode?: 'NOERROR' | 'SERVFAIL' | 'NXDOMAIN' | 'REFUSED';
  /** Sets TC: the asker has to come again over TCP. */
  readonly truncated?: boolean;
}

const TYPES = new Map<number, RecordType>([
  [1, 'A'],
  [28, 'AAAA'],
  [5, 'CNAME'],
]);
const NUMBERS = { A: 1, AAAA: 28, CNAME: 5 } as const;
const RCODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
const HEADER_BYTES = 12;
const CLASS_IN = 1;

export function readQuestion(message: Buffer): Question {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = TYPES.get(message.readUInt16BE(at + 1)) ?? 'other';
  const bytes = message.subarray(HEADER_BYTES, at + 5);
  return { id: message.readUInt16BE(0), name: labels.join('.').toLowerCase(), type, bytes };
}

export function writeAnswer(
  { id, bytes }: Question,
  { records = [], rcode = 'NOERROR', truncated }: DnsAnswer,
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(id, 0);
  // Response, recursion desired and available.
  header.writeUInt16BE(0x8180 | (truncated === true ? 0x0200 : 0) | RCODES[rcode], 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, bytes, ...records.map(writeRecord)]);
}

function writeRecord({ name, type, value, ttl = 0 }: ResourceRecord): Buffer {
  const data = type === 'CNAME' ? writeName(value) : Buffer.from(ipaddr.parse(value).toByteArray());
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(NUMBERS[type], 0);
  fixed.writeUInt16BE(CLASS_IN, 2);
  fixed.writeUInt32BE(ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([writeName(name), fixed, data]);
}

function writeName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')]));
  return Buffer.concat([...labels, Buffer.of(0)]);
}
