import { type FileHandle, open } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Checkpoint, readCheckpointNote } from '@chancery/protocol/audit-checkpoint.js';

/** A signed note and the verifier key it was signed under, as one line of JSON. */
export interface CheckpointRecord {
  readonly note: string;
  readonly key: string;
}

interface Place {
  readonly offset: number;
  readonly bytes: number;
}

const NEWLINE_BYTES = 1;

/**
 * The append-only file of checkpoints, outside the database: whoever cuts or rewrites a chain there does not reach it here.
 * In memory are each tenant's last checkpoint and where its lines stand. A line torn by a crash is left and counted.
 */
export class CheckpointFile {
  readonly #places = new Map<string, Place[]>();
  readonly #last = new Map<string, Checkpoint>();
  #file: FileHandle | null = null;
  #bytes = 0;
  #opening: Promise<FileHandle> | null = null;
  /** Lines that could not be read, each the end of a write that a crash cut off, or somebody's tampering. */
  unreadable = 0;

  constructor(readonly path: string) {}

  async last(tenant: string): Promise<Checkpoint | undefined> {
    await this.#open();
    return this.#last.get(tenant);
  }

  /** Every tenant that has a checkpoint, with its last one. */
  async lastOfAll(): Promise<ReadonlyMap<string, Checkpoint>> {
    await this.#open();
    return this.#last;
  }

  /** Appends and flushes; when it returns, the checkpoints survive a crash. */
  async append(records: readonly CheckpointRecord[]): Promise<void> {
    if (records.length === 0) return;
    const file = await this.#open();
    const lines = records.map((record) => Buffer.from(`${JSON.stringify(record)}\n`));
    await file.appendFile(Buffer.concat(lines));
    await file.datasync();
    records.forEach((record, index) => this.#note(record, (lines[index] as Buffer).length - NEWLINE_BYTES));
  }

  /** The checkpoints of one tenant, oldest first. */
  async *of(tenant: string): AsyncGenerator<CheckpointRecord> {
    const file = await this.#open();
    for (const { offset, bytes } of [...(this.#places.get(tenant) ?? [])]) {
      const buffer = Buffer.alloc(bytes);
      await file.read(buffer, 0, bytes, offset);
      const record = readRecord(buffer.toString());
      if (record !== null) yield record;
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
    this.#opening = null;
  }

  #open(): Promise<FileHandle> {
    this.#opening ??= this.#load().catch((error: unknown) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  async #load(): Promise<FileHandle> {
    const file = await open(this.path, 'a+', 0o600);
    for await (const line of createInterface({ input: createReadStream(this.path), crlfDelay: Infinity })) {
      const record = readRecord(line);
      if (record === null) {
        this.unreadable += 1;
        this.#bytes += Buffer.byteLength(line) + NEWLINE_BYTES;
      } else this.#note(record, Buffer.byteLength(line));
    }
    // After a torn last line the next record begins on a line of its own.
    const { size } = await file.stat();
    if (size < this.#bytes) await file.appendFile('\n');
    this.#file = file;
    return file;
  }

  #note(record: CheckpointRecord, bytes: number): void {
    const checkpoint = readCheckpointNote(record.note);
    const offset = this.#bytes;
    this.#bytes += bytes + NEWLINE_BYTES;
    if (checkpoint === undefined) {
      this.unreadable += 1;
      return;
    }
    const places = this.#places.get(checkpoint.tenant) ?? [];
    places.push({ offset, bytes });
    this.#places.set(checkpoint.tenant, places);
    const last = this.#last.get(checkpoint.tenant);
    if (last === undefined || last.seq <= checkpoint.seq) this.#last.set(checkpoint.tenant, checkpoint);
  }
}

function readRecord(line: string): CheckpointRecord | null {
  try {
    const { note, key } = JSON.parse(line) as CheckpointRecord;
    return typeof note === 'string' && typeof key === 'string' ? { note, key } : null;
  } catch {
    return null;
  }
}
