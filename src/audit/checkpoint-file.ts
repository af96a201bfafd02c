import { type FileHandle, mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { syncDirectory } from '../platform/crypto/private-file.js';

const CHUNK_BYTES = 1_048_576;
const RECORD_BYTES_MAX = 4_096;
const NEWLINE = 10;

const recordSchema = z.object({
  /** `ten_…` */
  tenant: z.string(),
  seq: z.number().int(),
  hash: z.string(),
  at: z.string(),
  /** The signed note; what stands beside it is for finding it. */
  note: z.string(),
  /** The verifier key it is signed under. */
  key: z.string(),
});
export type CheckpointRecord = Readonly<z.output<typeof recordSchema>>;

/**
 * Signed checkpoints outside the database, one line of JSON each, only ever appended to: whoever can rewrite the chain
 * cannot rewrite what was said of it. In memory is where each tenant's records begin, and its last one.
 */
export class CheckpointFile {
  readonly #offsets = new Map<string, number[]>();
  readonly #latest = new Map<string, CheckpointRecord>();
  /** Every byte before this was read; behind it is at most the beginning of a line. */
  #readTo = 0;
  #unreadable = 0;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(private readonly handle: FileHandle) {}

  /** Creates the file at the first start, and reads all of it. */
  static async open(file: string): Promise<CheckpointFile> {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    const opened = new CheckpointFile(await open(file, 'a+', 0o600));
    await syncDirectory(path.dirname(file));
    await opened.#inTurn(() => opened.#readNew());
    return opened;
  }

  /** Lines that hold no record: one for each write that a crash tore. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** True when the file ends in the middle of a line. Each append is whole, so what others add meanwhile is not taken for it. */
  async torn(): Promise<boolean> {
    const { size } = await this.handle.stat();
    if (size === 0) return false;
    const { buffer } = await this.handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] !== NEWLINE;
  }

  tenants(): readonly string[] {
    return [...this.#latest.keys()];
  }

  /** Of what was read so far; another process's records come with the next `of` or `append`. */
  latest(tenant: string): CheckpointRecord | undefined {
    return this.#latest.get(tenant);
  }

  /** Every record of a tenant that is there now, oldest first. */
  async of(tenant: string): Promise<AsyncGenerator<CheckpointRecord>> {
    await this.#inTurn(() => this.#readNew());
    return this.#read([...(this.#offsets.get(tenant) ?? [])]);
  }

  /** One write and one fsync. What a crash tore off before is ended first, and stands alone. */
  append(records: readonly CheckpointRecord[]): Promise<void> {
    if (records.length === 0) return Promise.resolve();
    const lines = records.map((record) => `${JSON.stringify(record)}\n`);
    if (lines.some((line) => Buffer.byteLength(line) > RECORD_BYTES_MAX))
      throw new RangeError('a checkpoint is too long');
    return this.#inTurn(async () => {
      await this.#readNew();
      await this.handle.appendFile(((await this.torn()) ? '\n' : '') + lines.join(''));
      await this.handle.sync();
      await this.#readNew();
    });
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.handle.close());
  }

  async *#read(offsets: readonly number[]): AsyncGenerator<CheckpointRecord> {
    const room = Buffer.alloc(RECORD_BYTES_MAX);
    for (const offset of offsets) {
      const { bytesRead } = await this.handle.read(room, 0, room.length, offset);
      const record = parseRecord(room.subarray(0, bytesRead));
      if (record === undefined) throw new Error('the checkpoint file was changed: a record that was there is gone');
      yield record;
    }
  }

  async #readNew(): Promise<void> {
    let rest = Buffer.alloc(0);
    for (;;) {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      const { bytesRead } = await this.handle.read(chunk, 0, CHUNK_BYTES, this.#readTo + rest.length);
      if (bytesRead === 0) return;
      rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
        this.#learn(rest.subarray(0, end + 1));
        this.#readTo += end + 1;
        rest = rest.subarray(end + 1);
      }
    }
  }

  #learn(line: Buffer): void {
    const record = parseRecord(line);
    if (record === undefined) {
      this.#unreadable += 1;
      return;
    }
    const offsets = this.#offsets.get(record.tenant) ?? [];
    offsets.push(this.#readTo);
    this.#offsets.set(record.tenant, offsets);
    this.#latest.set(record.tenant, record);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work, work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }
}

function parseRecord(bytes: Buffer): CheckpointRecord | undefined {
  const end = bytes.indexOf(NEWLINE);
  if (end < 0 || end >= RECORD_BYTES_MAX) return undefined;
  try {
    return recordSchema.parse(JSON.parse(bytes.toString('utf8', 0, end)));
  } catch {
    return undefined;
  }
}
