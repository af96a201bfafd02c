import { Injectable } from '@nestjs/common';
import {
  exportCheckpointLine,
  exportEndLine,
  exportEntryLine,
  exportHeaderLine,
} from '@chancery/protocol/audit-export.js';
import { Clock } from '../platform/clock.js';
import { publicId } from '../platform/ids.js';
import { CheckpointFile, type CheckpointRecord } from './checkpoint-file.js';
import { type ChainReading, ReadChain } from './read-chain.js';

/** The whole chain and its checkpoints as NDJSON, for keeping and for verifying elsewhere. */
@Injectable()
export class ExportChain {
  constructor(
    private readonly chain: ReadChain,
    private readonly file: CheckpointFile,
    private readonly clock: Clock,
  ) {}

  /** What can fail at once fails here; the text comes in pieces, as fast as it is taken. */
  async execute(tenantId: string): Promise<AsyncGenerator<string>> {
    const tenant = publicId('ten', tenantId);
    // The checkpoints first: one that is signed while we read would name entries that are not in the export.
    const records = await this.file.of(tenant);
    const reading = await this.chain.begin(tenantId);
    return lines(exportHeaderLine(tenant, new Date(this.clock.now()).toISOString()), reading, records);
  }
}

async function* lines(
  header: string,
  { head, pages }: ChainReading,
  records: AsyncGenerator<CheckpointRecord>,
): AsyncGenerator<string> {
  yield header;
  for await (const page of pages()) yield page.map(({ entry, hash }) => exportEntryLine(entry, hash)).join('');
  for await (const { note, key } of records) yield exportCheckpointLine(note, key);
  yield exportEndLine(head);
}
